import {
  byteOrders,
  characterPlaces,
  longByteOrders,
  modbusDeviceSchema,
  modbusTypes,
  placementOf,
  timeFormNames,
} from '@fieldline/shared/config';
import { qualityName } from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDecode, valueTypeOf } from '../../../edge-agent/src/drivers/modbus/decode.ts';
import { writeRegisters } from '../../../simulators/src/modbus/codec.ts';
import { fitRegisters } from '../../../simulators/src/modbus/fit-registers.ts';

const deviceOf = (tag: object) =>
  modbusDeviceSchema.safeParse({
    device: 'd',
    protocol: 'modbus',
    link: { kind: 'tcp', host: 'plc' },
    tags: [{ tag: 't', address: 0, ...tag }],
  });

const settings = fc.record(
  {
    type: fc.constantFrom(...modbusTypes),
    byteOrder: fc.constantFrom(...byteOrders, ...longByteOrders),
    bit: fc.nat(15),
    bits: fc.tuple(fc.nat(63), fc.nat(63)),
    byte: fc.constantFrom('low', 'high'),
    registers: fc.integer({ min: 1, max: 20 }),
    characters: fc.constantFrom(...characterPlaces),
    signed: fc.boolean(),
    timeForm: fc.constantFrom(...timeFormNames),
    utcOffsetMinutes: fc.integer({ min: -840, max: 840 }),
  },
  { requiredKeys: ['type'] },
);
const needed: Record<string, object> = {
  bool: { bit: 3 },
  string: { registers: 9 },
  bcd: { registers: 4 },
  mod10000: { registers: 3 },
  time: { timeForm: 'bcd' },
};
/** What does not go with the type is taken away. */
const allowed = settings.map((tag): object => {
  const wrong = deviceOf(tag).error?.issues.map(({ path }) => path.at(-1)) ?? [];
  const right = Object.entries(tag).filter(([key]) => key === 'type' || !wrong.includes(key));
  return { ...needed[tag.type], ...Object.fromEntries(right) };
});

test('the agent reads what the simulator wrote, in every type and order: two codecs that share no code', () => {
  const seen = new Map<string, number>();
  const numbers = fc.oneof(
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 65n }),
    fc.double({ noNaN: true, min: -1e30, max: 1e30 }),
  );
  fc.assert(
    fc.property(allowed, numbers, fc.nat(3), (tag, number, index) => {
      const device = deviceOf(tag).data;
      const setting = device?.tags[0];
      if (device === undefined || setting === undefined) return;
      seen.set(setting.type, (seen.get(setting.type) ?? 0) + 1);
      const raw = fitRegisters(setting, setting.type === 'string' ? String(number).slice(0, 8) : number);
      const { count } = placementOf(device, setting);
      const bytes = Buffer.alloc((index + count) * 2);
      writeRegisters(bytes, index * 2, { ...setting, byteOrder: setting.byteOrder ?? 'ABCD', count }, raw);
      const read = { device: 'd', tag: 't', type: valueTypeOf(setting) };
      const sample = createDecode(setting, read, 'ABCD')(bytes, index, 0);
      if (raw === Number.POSITIVE_INFINITY || raw === Number.NEGATIVE_INFINITY) {
        expect(qualityName(sample.quality)).toBe('bad/not-a-number');
        return;
      }
      const characters = setting.characters?.endsWith('-byte') ? count : 2 * count;
      expect(sample.value).toBe(typeof raw === 'string' ? raw.slice(0, characters) : raw);
    }),
    { numRuns: 3_000 },
  );
  for (const type of modbusTypes) expect(seen.get(type), type).toBeGreaterThan(50);
});
