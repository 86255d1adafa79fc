import { edgeSchema, parseConfig } from '@fieldline/shared/config';
import { isFieldlineError } from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';

const gateway = { gateway: 'g1', uplink: { broker: 'mqtt://127.0.0.1:1883' } };
const device = (tags: readonly object[], others: object = {}): object => ({
  device: 'plc',
  protocol: 'modbus',
  link: { kind: 'tcp', host: '127.0.0.1' },
  ...others,
  tags,
});

/** Without file, line and column. */
function problemsOf(settings: object | string): string[] {
  try {
    parseConfig(edgeSchema, typeof settings === 'string' ? settings : stringify(settings), 'edge.yaml');
    return [];
  } catch (error) {
    if (!isFieldlineError(error, 'settings/invalid')) throw error;
    const rows = error.message.split('\n').slice(1);
    return rows.map((row) => row.replace(/^ *edge\.yaml:\d+:\d+: /, ''));
  }
}
const ofTags = (...tags: object[]): string[] => problemsOf({ ...gateway, devices: [device(tags)] });

/** One mistake each, of the form, of a tag against itself, and against its device. */
const mistakes: readonly (readonly [fields: object, problem: string])[] = [
  [{ address: 'fast' }, 'address: is "fast"; it must be a number'],
  [{ address: 1, type: 'flot32' }, 'type: is "flot32"; it must be one of'],
  [{ address: 1, adress: 2 }, 'adress: is not a setting. Did you mean address?'],
  [{ adress: 1 }, 'adress: is not a setting. Did you mean address?'],
  [{ address: 1, registrs: 4, type: 'string' }, 'registrs: is not a setting. Did you mean registers?'],
  [{ address: 1, type: 'string' }, 'type: is "string": string needs registers'],
  [{ address: 65_535, type: 'float32' }, 'address: is 65535: float32 takes 2 registers from here'],
  [{ address: 1, clamp: [2, 1] }, 'clamp: is [2,1]: the lowest comes first'],
  [{ address: 1, clamp: [2] }, 'clamp: has 1 entry'],
  [{ address: 1, type: 'time', timeForm: 'unix' }, 'timeForm: is "unix"; it must be one of'],
  [{ address: 1, scaleFactor: 'nix' }, 'scaleFactor: is "nix": no tag of this device has this name'],
  [{ address: 1, minimum: 3, maximum: 2 }, 'maximum: is 2: must not be below minimum'],
  [{ address: 1, notAvailable: ['none'] }, 'notAvailable[0]: is "none": must be a number, or 0x and 1 to 16'],
  [{ address: 1, write: { min: 'low', max: 3 } }, 'write.min: is "low": is no number'],
  [{ address: 1, write: { min: 1 } }, 'write.max: is needed'],
  [{ address: 1, thinToMs: 1 }, 'thinToMs: is 1: thins nothing'],
];

describe('a mistake', () => {
  test.each(mistakes)('such as %j is one problem', (fields, problem) => {
    const problems = ofTags({ tag: 'a', ...fields });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`devices[0].tags[0].${problem}`);
  });

  test('hides none in another tag', () => {
    const some = fc.uniqueArray(fc.integer({ min: 0, max: mistakes.length - 1 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(some, (chosen) => {
        const problems = ofTags(...chosen.map((one, position) => ({ tag: `t${position}`, ...mistakes[one]?.[0] })));
        expect(problems).toHaveLength(chosen.length);
        for (const [position, one] of chosen.entries()) {
          expect(problems.join('\n')).toContain(`devices[0].tags[${position}].${mistakes[one]?.[1]}`);
        }
      }),
      { numRuns: 25 },
    );
  });

  test('hides none in its own tag, and is no reason for others', () => {
    expect(ofTags({ tag: 'a', address: 'fast', type: 'string', minimum: 2, maximum: 1 })).toEqual([
      expect.stringContaining('address: is "fast"'),
      expect.stringContaining('type: is "string": string needs registers'),
      expect.stringContaining('maximum: is 1: must not be below minimum'),
    ]);
    // Whether these go with it depends on the type that is meant.
    const depending = { bits: [0, 3], registers: 2, byteOrder: 'ABCDEFGH', decimals: 2, notAvailable: [70_000] };
    expect(ofTags({ tag: 'a', address: 65_535, type: 'flot', ...depending })).toHaveLength(1);
  });

  test('in a link or a protocol hides none in the tags', () => {
    const tags = [{ tag: 'a', address: 1, clamp: [2, 1], mininum: 3 }];
    for (const others of [{ link: { kind: 'tpc', host: 'h' } }, { link: 'h' }, { link: undefined }]) {
      expect(problemsOf({ ...gateway, devices: [device(tags, { ...others, unit: 0 })] })).toEqual([
        expect.stringMatching(/^devices\[0]\.link/),
        expect.stringContaining('tags[0].clamp: is [2,1]'),
        expect.stringContaining('tags[0].mininum: is not a setting. Did you mean minimum?'),
      ]);
    }
    expect(problemsOf({ ...gateway, devices: [device(tags, { protocol: 'modbos' })] })).toEqual([
      expect.stringContaining('protocol: is "modbos"'),
      expect.stringContaining('tags[0].mininum: is not a setting. Did you mean minimum?'),
    ]);
  });

  test('of more than five hundred is told without what it may hide', () => {
    const tags = Array.from({ length: 501 }, (_, n) => ({ tag: `t${n}`, address: 'x', clamp: [2, 1] }));
    expect(ofTags(...tags)).toHaveLength(501);
    expect(ofTags(...tags.slice(1))).toHaveLength(1_000);
  });
});

test('a map with ten mistakes of ten kinds has ten problems, each at its line', () => {
  const text = `gateway: g 1
gateway: g2
uplink: { broker: mqtt://127.0.0.1:1883, confim: cloud }
journal: { flushMs: fast }
devices:
  - device: meter
    protocol: modbus
    link: { kind: rtu, path: /dev/ttyUSB0 }
    unit: 0
    tags:
      - { tag: a, address: 1, type: flot32 }
      - { tag: b, address: 2, type: string }
      - { tag: b, address: 9, scaleFactor: a }
      - { tag: c, address: 65535, type: float64 }
      - { tag: d, type: int16, address: 7, clamp: [2, 1], clamp: [1, 2] }
  - { device: meter, protocol: opcua, endpoint: 'http://h', tags: [{ tag: e, node: i=1 }] }
`;
  let message = '';
  try {
    parseConfig(edgeSchema, text, 'edge.yaml');
  } catch (error) {
    message = String(error);
  }
  const lines = message.split('\n').slice(1);
  expect(lines.map((line) => line.replace(/^ *edge\.yaml:(\d+):\d+: /, '$1 '))).toEqual([
    expect.stringMatching(/^1 gateway: is "g 1": an id is/),
    expect.stringMatching(/^2 gateway is set twice; remove one of the two/),
    expect.stringMatching(/^3 uplink\.confim: is not a setting. Did you mean confirm\?/),
    expect.stringMatching(/^4 journal\.flushMs: is "fast"; it must be a number/),
    expect.stringMatching(/^9 devices\[0]\.unit: is 0: on a serial line/),
    expect.stringMatching(/^11 devices\[0]\.tags\[0]\.type: is "flot32"/),
    expect.stringMatching(/^12 devices\[0]\.tags\[1]\.type: is "string": string needs registers/),
    expect.stringMatching(/^13 devices\[0]\.tags\[2]\.tag: is "b": another tag/),
    expect.stringMatching(/^14 devices\[0]\.tags\[3]\.address: is 65535: float64 takes 4 registers/),
    expect.stringMatching(/^15 devices\[0]\.tags\[4]\.clamp: is \[2,1]: the lowest comes first/),
    expect.stringMatching(/^15 clamp is set twice/),
    expect.stringMatching(/^16 devices\[1]\.device: is "meter": another device/),
    expect.stringMatching(/^16 devices\[1]\.endpoint: is "http:\/\/h": must be an address/),
  ]);
});
