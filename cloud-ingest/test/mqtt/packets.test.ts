/** Against packets as another implementation makes them, cut anywhere. */
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPacketReader, MalformedPacket, type Publish } from '../../src/mqtt/packets.ts';

const { generate } = createRequire(import.meta.resolve('mqtt'))('mqtt-packet') as {
  generate: (packet: object, options: { protocolVersion: 4 | 5 }) => Buffer;
};

type Seen = Publish | { readonly other: string };

const seenOf = (publish: Publish): Seen => ({ ...publish, payload: Buffer.from(publish.payload) });

/** Everything that is read of these chunks, when there is room for so many packets at once and then again. */
function readAll(chunks: readonly Buffer[], hasProperties: boolean, roomFor = Number.POSITIVE_INFINITY): Seen[] {
  const seen: Seen[] = [];
  let room = roomFor;
  const take = (one: Seen): void => {
    seen.push(one);
    room -= 1;
  };
  const reader = createPacketReader(hasProperties, {
    onPublish: (publish) => take(seenOf(publish)),
    onOther: (packet) => take({ other: packet.toString('hex') }),
    hasRoom: () => room > 0,
  });
  for (const chunk of chunks) {
    reader.push(chunk);
    while (room <= 0) {
      room = roomFor;
      reader.resume();
    }
  }
  return seen;
}

const publishes = fc.record({
  topic: fc
    .string({ unit: 'binary', minLength: 1, maxLength: 40 })
    .filter((topic) => !/[#+\0]|[\ud800-\udfff]/.test(topic)),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.integer({ min: 100, max: 40_000 }).map((length) => new Uint8Array(length).fill(0x31)),
  ),
  qos: fc.constantFrom(0 as const, 1 as const),
  retain: fc.boolean(),
  dup: fc.boolean(),
  messageId: fc.integer({ min: 1, max: 65_535 }),
  properties: fc.option(fc.record({ contentType: fc.string({ maxLength: 200 }) }), { nil: undefined }),
});

const others = fc.constantFrom({ cmd: 'pingresp' }, { cmd: 'suback', messageId: 7, granted: [1, 1, 1] });

describe.each([4, 5] as const)('packets of MQTT version %d', (protocolVersion) => {
  test('are read whole and in order, wherever they are cut and however often there is no room', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(publishes, others), { minLength: 1, maxLength: 12 }),
        fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 65_536 })), {
          minLength: 1,
          maxLength: 20,
        }),
        fc.integer({ min: 1, max: 4 }),
        (packets, cuts, roomFor) => {
          const expected: Seen[] = [];
          const bytes = Buffer.concat(
            packets.map((packet) => {
              if ('cmd' in packet) {
                const made = generate(packet, { protocolVersion });
                expected.push({ other: made.toString('hex') });
                return made;
              }
              const { properties, ...publish } = packet;
              const payload = Buffer.from(publish.payload);
              const isKept = publish.qos > 0;
              expected.push({
                ...publish,
                payload,
                messageId: isKept ? publish.messageId : null,
                dup: isKept && publish.dup,
              });
              return generate(
                {
                  cmd: 'publish',
                  ...publish,
                  payload,
                  dup: isKept && publish.dup,
                  ...(protocolVersion === 5 ? { properties } : {}),
                },
                { protocolVersion },
              );
            }),
          );
          const chunks: Buffer[] = [];
          for (let [at, turn] = [0, 0]; at < bytes.length; turn++) {
            const end = at + (cuts[turn % cuts.length] ?? 1);
            chunks.push(bytes.subarray(at, end));
            at = end;
          }
          expect(readAll(chunks, protocolVersion === 5, roomFor)).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });
});

test('nothing is read while there is no room', () => {
  const seen: string[] = [];
  let hasRoom = false;
  const reader = createPacketReader(false, {
    onPublish: ({ topic }) => seen.push(topic),
    onOther: () => seen.push('other'),
    hasRoom: () => hasRoom,
  });
  reader.push(generate({ cmd: 'publish', topic: 'a', payload: 'x', qos: 0 }, { protocolVersion: 4 }));
  reader.push(generate({ cmd: 'pingresp' }, { protocolVersion: 4 }));
  reader.resume();
  expect(seen).toEqual([]);
  hasRoom = true;
  reader.resume();
  expect(seen).toEqual(['a', 'other']);
});

test.each([
  ['a length of five bytes', false, '30ffffffff01', 'more than four bytes'],
  ['QoS 2', false, '34050001610001', 'QoS 2'],
  ['a topic longer than its packet', false, '3003000561', 'ends before its topic does'],
  ['no room for a topic', false, '300100', 'ends before its topic does'],
  ['no packet id', false, '3204000261620000', 'ends before its topic does'],
  ['properties longer than their packet', true, '300400016105', 'ends before its properties do'],
  ['no properties in MQTT 5', true, '3003000161', 'ends before its properties do'],
  ['a length of properties without end', true, '300700016180808080', 'ends before its properties do'],
])('%s is refused', (_, hasProperties, hex, reason) => {
  const read = (): Seen[] => readAll([Buffer.from(hex, 'hex')], hasProperties);
  expect(read).toThrow(MalformedPacket);
  expect(read).toThrow(reason);
});
