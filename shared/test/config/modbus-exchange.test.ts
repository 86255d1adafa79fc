import { edgeSchema, exchangeOf, modbusDeviceSchema, parseConfig } from '@fieldline/shared/config';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';

const page = { exchange: 'page', address: 2_048, words: [1] };
const deviceOf = (tags: object[], others: object = {}) => ({
  ...{ device: 'coupler', protocol: 'modbus', link: { kind: 'tcp', host: '127.0.0.1' } },
  ...{ pollsMayWrite: true, exchanges: [page] },
  ...others,
  tags: tags.map((tag, index) => ({ tag: `t${index}`, address: 100, exchange: 'page', ...tag })),
});
const read = (tags: object[], others: object = {}) =>
  parseConfig(
    edgeSchema,
    stringify({ gateway: 'g1', uplink: { broker: 'mqtt://127.0.0.1:1883' }, devices: [deviceOf(tags, others)] }),
    'edge.yaml',
  );

test('an exchange is stated in the notation of the device, and read again as it was written down', () => {
  const device = modbusDeviceSchema.parse(
    deviceOf([{ address: 40_101 }], { addressBase: '4xxxx', exchanges: [{ ...page, address: 42_049 }] }),
  );
  expect(exchangeOf(device, 'page')).toEqual({ name: 'page', first: 2_048, words: [1] });
  expect(modbusDeviceSchema.parse(device)).toEqual(device);
});

describe('what contradicts itself is refused with what to do', () => {
  const range = { min: 0, max: 9 };
  test.each<[string, object[], object, string]>([
    [
      'a device that does not allow it',
      [{}],
      { pollsMayWrite: false },
      'pollsMayWrite: is false: exchanges write to the device at every poll: where it is meant to take that, state true',
    ],
    [
      'a name that is not there',
      [{ exchange: 'pgae' }],
      {},
      'tags[0].exchange: is "pgae": no exchange of this device has this name: did you mean page?',
    ],
    [
      'an exchange without tags',
      [{ exchange: undefined }],
      {},
      'exchanges[0].exchange: is "page": no tag states it, so it would never be written',
    ],
    [
      'the same name twice',
      [{}],
      { exchanges: [page, page] },
      'exchanges[1].exchange: is "page": another exchange of this device has this name',
    ],
    ['no words', [{}], { exchanges: [{ ...page, words: [] }] }, 'exchanges[0].words: '],
    [
      'too large a word',
      [{}],
      { exchanges: [{ ...page, words: [65_536] }] },
      'exchanges[0].words[0]: is 65536; it must be at most 65535',
    ],
    [
      'words beyond the end',
      [{}],
      { exchanges: [{ ...page, address: 65_535, words: [1, 2] }] },
      'exchanges[0].words: is [1,2]: go beyond the last register, 65535',
    ],
    ['an input register', [{ table: 'input' }], {}, 'tags[0].exchange: is "page": goes with holding registers only'],
    [
      'a record of a file',
      [{ address: undefined, file: 4, record: 1 }],
      {},
      'tags[0].exchange: is "page": goes with holding registers only',
    ],
    [
      'a tag that is written',
      [{ write: range }],
      {},
      'tags[0].write: is {"min":0,"max":9}: does not go with exchange: its reading would write other registers',
    ],
    [
      'two rates',
      [{}, { everyMs: 5_000 }],
      {},
      'tags[1].everyMs: is 5000: t0 of the same exchange has 1000: one request reads both',
    ],
    [
      'tags too far apart',
      [{}, { address: 300 }],
      {},
      'exchanges[0].exchange: is "page": its tags need 201 registers in one request, and maxRegisters is 125',
    ],
    [
      'a gap that is forbidden',
      [{}, { address: 110 }],
      { avoid: { holding: [[104, 105]] } },
      'exchanges[0].exchange: is "page": its tags cannot be read in one request',
    ],
    [
      'a command for the same register',
      [{}, { address: 2_048, exchange: undefined, write: range }],
      {},
      'tags[1].write: is {"min":0,"max":9}: exchange page writes this register at every poll',
    ],
  ])('%s', (_what, tags, others, message) => {
    expect(() => read(tags, others)).toThrow(`devices[0].${message}`);
  });

  test('a command for a register beside it is none', () => {
    expect(() => read([{}, { address: 2_049, exchange: undefined, write: range }])).not.toThrow();
  });
});
