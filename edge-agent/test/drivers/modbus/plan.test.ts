import { modbusDeviceSchema } from '@fieldline/shared/config';
import { describe, expect, test } from 'vitest';
import { planDevice } from '../../../src/drivers/modbus/plan.ts';

const planOf = (settings: object) =>
  planDevice(
    modbusDeviceSchema.parse({ device: 'd', protocol: 'modbus', link: { kind: 'tcp', host: 'plc' }, ...settings }),
  );
const blocksOf = (settings: object): [number, number][] =>
  planOf(settings).flatMap(({ blocks }) => blocks.map(({ first, count }): [number, number] => [first, count]));

const base = { device: 'd', protocol: 'modbus', tags: [1, 5].map((address) => ({ tag: `r${address}`, address })) };

describe('the plan of a device', () => {
  test('reads neighbouring tags in one request, in whatever order they are stated', () => {
    const tags = [
      { tag: 'c', address: 14, type: 'float32' },
      { tag: 'a', address: 10 },
      { tag: 'b', address: 11, type: 'uint64' },
    ];
    expect(blocksOf({ tags, maxGap: 0 })).toEqual([[10, 6]]);
  });

  test('is one for devices of a network that differ by where they are only', () => {
    const { tags } = modbusDeviceSchema.parse({ ...base, link: { kind: 'tcp', host: 'a' } });
    const at = (host: string, settings: object) =>
      planDevice({ ...modbusDeviceSchema.parse({ ...base, link: { kind: 'tcp', host }, ...settings }), tags });
    expect(at('b', { device: 'e', unit: 2 })).toBe(at('a', {}));
    expect(at('a', { maxGap: 0 })[0]?.blocks).toHaveLength(2);
    expect(at('a', { everyMs: 50 })[0]?.everyMs).toBe(50);
  });

  test('takes the notation of the addresses off', () => {
    expect(blocksOf({ addressBase: 1, tags: [{ tag: 'a', address: 3028 }] })).toEqual([[0x0bd3, 1]]);
  });

  test('reads a gap along up to maxGap registers, and no more', () => {
    const tags = [
      { tag: 'a', address: 0 },
      { tag: 'b', address: 5 },
      { tag: 'c', address: 11 },
    ];
    expect(blocksOf({ tags, maxGap: 4 })).toEqual([
      [0, 6],
      [11, 1],
    ]);
  });

  test('takes a gap of 16 bits for one of a register', () => {
    const tags = [0, 17, 35].map((address) => ({ tag: `t${address}`, table: 'coil', type: 'bool', address }));
    expect(blocksOf({ tags, maxGap: 1 })).toEqual([
      [0, 18],
      [35, 1],
    ]);
  });

  test('never splits a value over two requests', () => {
    const tags = [0, 2, 4, 6].map((address) => ({ tag: `t${address}`, address, type: 'int32' }));
    expect(blocksOf({ tags, maxRegisters: 5 })).toEqual([
      [0, 4],
      [4, 4],
    ]);
  });

  test('keeps tables and rates apart', () => {
    const tags = [
      { tag: 'a', address: 0 },
      { tag: 'b', address: 1, everyMs: 5_000 },
      { tag: 'c', address: 0, table: 'input' },
      { tag: 'd', address: 0, table: 'discrete', type: 'bool' },
    ];
    expect(planOf({ tags }).map(({ table, everyMs, blocks }) => [table, everyMs, blocks.length])).toEqual([
      ['holding', 1_000, 1],
      ['holding', 5_000, 1],
      ['input', 1_000, 1],
      ['discrete', 1_000, 1],
    ]);
  });

  test('allows tags that overlap, a long one over a short one', () => {
    const tags = [
      { tag: 'word', address: 3 },
      { tag: 'text', address: 0, type: 'string', registers: 10 },
      { tag: 'bit', address: 3, type: 'bool', bit: 2 },
    ];
    expect(blocksOf({ tags })).toEqual([[0, 10]]);
  });

  test('keeps a scale factor in the request of its value, whatever else could be cut shorter', () => {
    const tags = [
      { tag: 'a', address: 0, type: 'int32' },
      { tag: 'power', address: 4, type: 'int16', scaleFactor: 7 },
      { tag: 'b', address: 9 },
    ];
    expect(blocksOf({ tags, maxRegisters: 6 })).toEqual([
      [0, 2],
      [4, 6],
    ]);
  });

  test('never reads along what must not be read', () => {
    const tags = [
      { tag: 'a', address: 0 },
      { tag: 'b', address: 4 },
      { tag: 'c', address: 6 },
    ];
    expect(blocksOf({ tags, avoid: { holding: [[2, 2]] } })).toEqual([
      [0, 1],
      [4, 3],
    ]);
    expect(blocksOf({ tags, avoid: { holding: [[7, 20]], input: [[1, 5]] } })).toEqual([[0, 7]]);
    const modicon = tags.map((tag) => ({ ...tag, address: tag.address + 40_001 }));
    const settings = { tags: modicon, addressBase: '4xxxx', avoid: { holding: [[40_003, 40_004]] } };
    expect(blocksOf(settings)).toEqual([
      [0, 1],
      [4, 3],
    ]);
  });

  test('cuts where it saves the most registers, when it takes as many requests anyway', () => {
    const tags = [0, 1, 8, 9].map((address) => ({ tag: `t${address}`, address }));
    expect(blocksOf({ tags, maxRegisters: 9 })).toEqual([
      [0, 2],
      [8, 2],
    ]);
  });
});

describe('on a serial line', () => {
  const rtu = { kind: 'rtu', path: '/dev/ttyUSB0', baudRate: 9_600 };
  const pair = (gap: number) => [
    { tag: 'a', address: 0 },
    { tag: 'b', address: 1 + gap },
  ];

  /*
   * At 9600 baud, 8E1, a character takes 11 ÷ 9.6 = 1.146 ms, so a register 2.29 ms. Another request costs 8 + 5 characters and
   * twice 3.5 of silence, 22.9 ms, and the device 10 ms to answer: as much as 14.4 registers.
   */
  test('a gap is read along only where that is quicker than another request', () => {
    expect(blocksOf({ link: rtu, tags: pair(14), maxGap: 60 })).toEqual([[0, 16]]);
    expect(blocksOf({ link: rtu, tags: pair(15), maxGap: 60 })).toHaveLength(2);
    expect(blocksOf({ link: { ...rtu, baudRate: 115_200 }, tags: pair(50), maxGap: 60 })).toHaveLength(1);
  });

  test('two digits for each byte make a register twice as dear, the pause of a slow converter makes requests dearer', () => {
    const ascii = { ...rtu, kind: 'ascii', baudRate: 115_200 };
    // 10 bits take 0.0868 ms, a register 0.347 ms; another request 28 characters and 10 ms, as much as 35.8 registers.
    expect(blocksOf({ link: ascii, tags: pair(35), maxGap: 60 })).toHaveLength(1);
    expect(blocksOf({ link: ascii, tags: pair(36), maxGap: 60 })).toHaveLength(2);
    expect(blocksOf({ link: { ...rtu, pauseBetweenMs: 100 }, tags: pair(40), maxGap: 60 })).toHaveLength(1);
  });

  test('maxGap stays the upper bound', () => {
    expect(blocksOf({ link: rtu, tags: pair(9) })).toHaveLength(2);
  });

  test('behind a converter on the network the requests count, not the bytes', () => {
    const link = { kind: 'rtu-over-tcp', host: 'converter', port: 4001 };
    expect(blocksOf({ link, tags: pair(50), maxGap: 60 })).toHaveLength(1);
  });
});
