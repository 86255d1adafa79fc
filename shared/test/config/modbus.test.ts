import {
  edgeSchema,
  modbusDeviceSchema,
  parseConfig,
  placementOf,
  statedAddress,
  stretchesText,
} from '@fieldline/shared/config';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';

const deviceOf = (tags: object[], others: object = {}) => ({
  device: 'meter',
  protocol: 'modbus',
  link: { kind: 'tcp', host: '127.0.0.1' },
  ...others,
  tags: tags.map((tag, index) => ({ tag: `t${index}`, ...('file' in tag ? {} : { address: 0 }), ...tag })),
});
const read = (tags: object[], others: object = {}): unknown =>
  parseConfig(
    edgeSchema,
    stringify({ gateway: 'g1', uplink: { broker: 'mqtt://127.0.0.1:1883' }, devices: [deviceOf(tags, others)] }),
    'edge.yaml',
  );
const placesOf = (tags: object[], others: object = {}) => {
  const device = modbusDeviceSchema.parse(deviceOf(tags, others));
  return device.tags.map((tag) => placementOf(device, tag));
};

describe('a tag whose settings contradict each other is refused with what to do', () => {
  test.each([
    [{ type: 'uint16', bits: [7, 4] }, 'bits: is [7,4]: the lowest bit comes first: [4, 7]'],
    [{ type: 'uint16', bits: [4, 16] }, 'bits: is [4,16]: uint16 has the bits 0 to 15'],
    [{ type: 'float32', bits: [0, 1] }, 'bits: is [0,1]: goes with int16, uint16, int32, uint32, int64, uint64 only'],
    [{ type: 'uint16', byte: 'high' }, 'byte: is "high": goes with int8 and uint8 only'],
    [{ type: 'bcd' }, 'type: is "bcd": bcd needs registers: how many, 1 to 4'],
    [{ type: 'bcd', registers: 5 }, 'registers: is 5: bcd has 1 to 4 of them'],
    [{ type: 'mod10000', registers: 1 }, 'registers: is 1: mod10000 has 2 to 4 of them'],
    [{ type: 'int16', registers: 1 }, 'registers: is 1: goes with type string, bcd or mod10000 only'],
    [{ type: 'bcd', registers: 2, signed: true }, 'signed: is true: goes with type: mod10000 only'],
    [{ type: 'time' }, 'type: is "time": time needs timeForm: one of unix-seconds, unix-milliseconds, iec870'],
    [{ type: 'uint32', timeForm: 'bcd' }, 'timeForm: is "bcd": goes with type: time only'],
    [{ type: 'uint32', utcOffsetMinutes: 60 }, 'utcOffsetMinutes: is 60: goes with type: time only'],
    [{ type: 'int16', characters: 'low-byte' }, 'characters: is "low-byte": goes with type: string only'],
    [{ type: 'int32', byteOrder: 'GHEFCDAB' }, 'byteOrder: is "GHEFCDAB": goes with numbers of four registers only'],
    [{ type: 'time', timeForm: 'bcd', scale: 2 }, 'scale: is 2: goes with numbers only, not with time'],
    [{ type: 'string', registers: 2, clamp: [0, 1] }, 'clamp: is [0,1]: goes with numbers only, not with string'],
    [{ type: 'int16', decimals: 1 }, 'decimals: is 1: int16 has none: goes with scale or a float'],
    [{ type: 'int16', clamp: [2, 1] }, 'clamp: is [2,1]: the lowest comes first: [1, 2]'],
    [
      { type: 'int16', clamp: [0.5, 1] },
      'clamp: is [0.5,1]: int16 without scale holds whole numbers: so must the limits be',
    ],
    [{ table: 'coil', type: 'bool', bit: 1 }, 'bit: is 1: goes with registers only, not with a coil'],
    [
      { type: 'time', timeForm: 'bcd', notAvailable: [0] },
      'notAvailable: is [0]: goes with numbers and bits of registers only',
    ],
    [
      { type: 'uint24', notAvailable: [0x100_0000] },
      'notAvailable[0]: is 16777216: uint24 never holds this: it has 24',
    ],
  ])('%j', (tag, message) => {
    expect(() => read([tag])).toThrow(
      new RegExp(`^1 problem in edge.yaml:\n.*tags\\[0\\]\\.${RegExp.escape(message)}`),
    );
  });
});

describe('addresses', () => {
  test.each([
    [0, 107, 'holding', 107],
    [1, 108, 'holding', 107],
    ['4xxxx', 40_108, 'holding', 107],
    ['4xxxx', 30_001, 'input', 0],
    ['4xxxx', 49_999, 'holding', 9_998],
    ['4xxxxx', 400_108, 'holding', 107],
    ['4xxxxx', 365_536, 'input', 65_535],
  ] as const)(
    'with addressBase %s, %i is %s register %i on the wire, and back',
    (addressBase, address, table, first) => {
      expect(placesOf([{ address }], { addressBase })).toMatchObject([{ table, first }]);
      expect(statedAddress({ table, first }, addressBase)).toBe(address);
    },
  );

  test.each([
    ['4xxxx', 1, 'coil', 0],
    ['4xxxx', 9_999, 'coil', 9_998],
    ['4xxxx', 10_001, 'discrete', 0],
    ['4xxxxx', 9_999, 'coil', 9_998],
    ['4xxxxx', 165_536, 'discrete', 65_535],
  ] as const)('with addressBase %s, %i is %s %i', (addressBase, address, table, first) => {
    expect(placesOf([{ address, type: 'bool' }], { addressBase })).toMatchObject([{ table, first }]);
    expect(statedAddress({ table, first }, addressBase)).toBe(address);
  });

  test('a coil above 9999 in six digits is one where it says so', () => {
    const settings = { addressBase: '4xxxxx' };
    expect(placesOf([{ address: 12_345, type: 'bool', table: 'coil' }], settings)).toMatchObject([{ first: 12_344 }]);
    expect(() => read([{ address: 10_001, type: 'bool' }], settings)).toThrow(
      'address: is 10001: has five digits, but addressBase is 4xxxxx; if it is a coil, say table: coil',
    );
  });

  test.each([
    [1, { address: 0 }, 'address: is 0: the device counts from addressBase: 1'],
    [
      '4xxxx',
      { address: 40_000 },
      'address: is 40000: with addressBase: 4xxxx addresses are 1–9999 (coil), 10001–19999',
    ],
    ['4xxxx', { address: 20_001 }, 'address: is 20001: with addressBase: 4xxxx addresses are'],
    ['4xxxx', { address: 400_001 }, 'address: is 400001: has six digits: state addressBase: 4xxxxx'],
    ['4xxxxx', { address: 40_001 }, 'address: is 40001: has five digits, but addressBase is 4xxxxx'],
    [
      '4xxxx',
      { address: 40_001, table: 'input' },
      'table: is "input": 40001 is of table holding by addressBase: 4xxxx; leave table',
    ],
    [
      '4xxxxx',
      { address: 465_536, type: 'int32' },
      'address: is 465536: int32 takes 2 registers from here, and the last that a device can have is 465536: begin at 465535 or lower',
    ],
  ])('with addressBase %s, %j is refused', (addressBase, tag, message) => {
    expect(() => read([tag], { addressBase })).toThrow(`devices[0].tags[0].${message}`);
  });
});

describe('records of files', () => {
  test('stand in their file from 0 on, whatever the addresses count from', () => {
    for (const addressBase of [0, 1, '4xxxx']) {
      expect(placesOf([{ file: 4, record: 9_998, type: 'uint32' }], { addressBase })).toMatchObject([
        { table: 'file', first: 49_998, count: 2 },
      ]);
    }
    expect(stretchesText('file', [{ first: 49_998, count: 2 }], '4xxxx')).toBe('file 4 records 9998–9999');
    const several = [
      { first: 10_000, count: 1 },
      { first: 10_007, count: 3 },
      { first: 655_350_000, count: 1 },
    ];
    expect(stretchesText('file', several, 1)).toBe('file 1 records 0, 7–9; file 65535 record 0');
  });

  test('that are more than a register may be long at the end of a file, and have no scale factor', () => {
    const last = { file: 4, record: 9_999, type: 'uint32' };
    expect(placesOf([last], { joinRecords: false })).toMatchObject([{ first: 49_999, count: 2 }]);
    const factor = [
      { file: 4, record: 1, scaleFactor: 't1' },
      { file: 4, record: 2, type: 'int16' },
    ];
    expect(() => read(factor, { joinRecords: false })).toThrow(
      'devices[0].tags[0].scaleFactor: is "t1": goes with joinRecords: true only',
    );
  });

  test('are read again as they were written down', () => {
    const device = modbusDeviceSchema.parse({
      ...{ device: 'd', protocol: 'modbus', link: { kind: 'tcp', host: 'h' } },
      tags: [
        { tag: 't', file: 4, record: 1, scaleFactor: 'f' },
        { tag: 'f', file: 4, record: 3, type: 'int16' },
      ],
    });
    expect(placementOf(device, device.tags[0] as (typeof device.tags)[number])).toMatchObject({
      count: 3,
      factorAt: 2,
    });
    expect(modbusDeviceSchema.parse(device)).toEqual(device);
  });

  test.each([
    [[{ address: undefined }], 'address: is missing: state it, or file and record'],
    [[{ file: 4 }], 'record: is missing: state the number of the first record in the file, from 0'],
    [[{ record: 4, address: undefined }], 'file: is missing: state the number of the file in which the record stands'],
    [[{ table: 'file', address: 4 }], 'file: is missing: state the number of the file'],
    [[{ file: 4, record: 1, address: 1 }], 'address: is 1: does not go with file and record: leave it out'],
    [[{ file: 4, record: 1, table: 'input' }], 'table: is "input": does not go with file and record: leave it out'],
    [[{ file: 0, record: 1 }], 'file: is 0; it must be at least 1'],
    [[{ file: 4, record: 10_000 }], 'record: is 10000; it must be at most 9999'],
    [
      [{ file: 4, record: 9_999, type: 'uint32' }],
      'record: is 9999: uint32 takes 2 records from here, and the last that a file can have is 9999: begin at 9998',
    ],
    [
      [{ file: 4, record: 0, type: 'string', registers: 122 }],
      'registers: is 122: needs 122 registers; an answer holds',
    ],
    [[{ file: 4, record: 0, scaleFactor: 3 }], 'scaleFactor: is 3: in a file it is the name of a tag of the same file'],
    [
      [
        { file: 4, record: 0, scaleFactor: 't1' },
        { file: 5, record: 0, type: 'int16' },
      ],
      'scaleFactor: is "t1": stands in another file',
    ],
    [[{ file: 4, record: 0, write: { min: 0, max: 1 } }], 'write: '],
  ])('%j are refused', (tags, message) => {
    expect(() => read(tags)).toThrow(`devices[0].tags[0].${message}`);
  });
});

describe('a scale factor', () => {
  const value = { tag: 'power', address: 84, type: 'int16' };

  test('is named by its tag or its address, and stands in one span with its value', () => {
    const factor = { tag: 'power-sf', address: 87, type: 'int16' };
    const span = { first: 84, count: 4, valueAt: 0, factorAt: 3 };
    expect(placesOf([{ ...value, scaleFactor: 'power-sf' }, factor])[0]).toMatchObject(span);
    expect(placesOf([{ ...value, scaleFactor: 87 }])).toMatchObject([span]);
    expect(placesOf([{ ...value, scaleFactor: 80 }])).toMatchObject([{ first: 80, count: 5, valueAt: 4, factorAt: 0 }]);
    expect(placesOf([{ address: 40_085, scaleFactor: 40_088 }], { addressBase: '4xxxx' })).toMatchObject([span]);
  });

  test.each([
    [[{ scaleFactor: 'nobody' }], 'scaleFactor: is "nobody": no tag of this device has this name; name one, or give'],
    [[{ scaleFactor: 't1' }, { type: 'uint16' }], 'scaleFactor: is "t1": t1 is no whole int16, as a scale factor is'],
    [[{ scaleFactor: 't1' }, { type: 'int16', table: 'input' }], 'scaleFactor: is "t1": is a register of input; one'],
    [[{ scaleFactor: 126 }], 'scaleFactor: is 126: stands too far away: both need a request of 127 registers'],
    [[{ scaleFactor: 65_536 }], 'scaleFactor: is 65536: the last register is 65535'],
  ])('of %j is refused', (tags, message) => {
    expect(() => read(tags)).toThrow(`devices[0].tags[0].${message}`);
  });
});

describe('what must not be read', () => {
  test.each([
    [{ address: 10 }, 'address: is 10: cannot be read without registers that avoid forbids; take the tag out, or'],
    [{ address: 9, type: 'int32' }, 'address: is 9: cannot be read'],
    [{ address: 5, scaleFactor: 20 }, 'scaleFactor: is 20: cannot be read'],
  ])('is no part of a tag: %j', (tag, message) => {
    expect(() => read([tag], { avoid: { holding: [[10, 12]] } })).toThrow(`devices[0].tags[0].${message}`);
  });

  test('is stated in the notation of the device, the lowest first', () => {
    const avoid = { avoid: { holding: [[40_010, 40_001]] }, addressBase: '4xxxx' };
    expect(() => read([{ address: 40_100 }], avoid)).toThrow(
      'avoid.holding[0]: is [40010,40001]: the first comes first: [40001, 40010]',
    );
    const wrong = { avoid: { input: [[40_001, 40_010]] }, addressBase: '4xxxx' };
    expect(() => read([{ address: 40_100 }], wrong)).toThrow(
      'avoid.input[0]: is [40001,40010]: 40001 is of table holding by addressBase: 4xxxx',
    );
  });

  test('in another table is nobody’s matter', () => {
    expect(() => read([{ address: 10 }], { avoid: { input: [[10, 12]] } })).not.toThrow();
  });
});
