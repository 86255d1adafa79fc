import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readEdgeConfig } from '@fieldline/shared/config/load-edge';
import { shippedProfileNames } from '@fieldline/shared/config/profile-files';
import { describe, expect, test } from 'vitest';
import { validate } from '../../../src/commands/validate/validate.ts';
import { profilesFolder } from '../../../src/profiles-folder.ts';
import { settingsFile } from '../run-by-hand.ts';

function warningsOf(devices: string): string[] {
  const file = settingsFile(devices);
  return validate('edge.yaml', readEdgeConfig(file, profilesFolder))
    .filter((line) => line.startsWith('warning: '))
    .map((line) => line.replaceAll(file, 'edge.yaml'));
}

const device = (name: string, unit: number, ...tags: string[]): string =>
  `  - device: ${name}\n    protocol: modbus\n    link: { kind: tcp, host: h }\n    unit: ${unit}\n    tags:\n${tags
    .map((tag) => `      - { ${tag} }\n`)
    .join('')}`;

describe('validate warns', () => {
  test('where registers are read as two different things, with both places', () => {
    const tags = ['tag: a, address: 10, type: uint32', 'tag: b, address: 11, type: float32'];
    expect(warningsOf(device('d', 1, ...tags))).toEqual([
      'warning: edge.yaml:10:28: devices[0].tags[1].address: b (float32 in 2 registers from 11) has registers of a (uint32 in 2 registers from 10, edge.yaml:9:28): one of the two is wrong',
    ]);
    const files = [
      'tag: a, file: 4, record: 0, type: uint32',
      'tag: b, file: 4, record: 1',
      'tag: c, file: 5, record: 1',
    ];
    expect(warningsOf(device('d', 1, ...files))).toEqual([
      'warning: edge.yaml:10:36: devices[0].tags[1].record: b (uint16 in 1 register from record 1 of file 4) has registers of a (uint32 in 2 registers from record 0 of file 4, edge.yaml:9:36): one of the two is wrong',
    ]);
    expect(warningsOf(`${device('d', 1, ...files)}    joinRecords: false\n`)).toEqual([]);
    const orders = ['tag: a, address: 10, type: uint32', 'tag: b, address: 10, type: uint32, byteOrder: CDAB'];
    expect(warningsOf(device('d', 1, ...orders))).toHaveLength(1);
  });

  test('not where parts of a register, other tables, or the same value twice are meant', () => {
    const tags = [
      'tag: word, address: 10',
      'tag: bit, address: 10, type: bool, bit: 3',
      'tag: field, address: 10, bits: [4, 7]',
      'tag: low, address: 10, type: uint8',
      'tag: high, address: 10, type: uint8, byte: high',
      'tag: scaled, address: 10, scale: 0.1',
      'tag: input, table: input, address: 9, type: uint32',
      'tag: factor, address: 20, type: int16',
      'tag: value, address: 21, type: int16, scaleFactor: factor',
    ];
    expect(warningsOf(device('d', 1, ...tags))).toEqual([]);
  });

  test('where a file with a certificate, a key or a password cannot be used, in the words of the agent', () => {
    const file = settingsFile(device('d', 1, 'tag: a, address: 0'));
    const uplink = `uplink:
  broker: 'mqtts://127.0.0.1'
  passwordFile: secret
  tls: { caFile: empty.pem, certFile: none.pem, keyFile: empty.pem }`;
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^uplink:.*$/m, uplink));
    writeFileSync(join(dirname(file), 'empty.pem'), '');
    const told = validate(file, readEdgeConfig(file, profilesFolder)).filter((line) => line.startsWith('warning: '));
    expect(told.map((line) => line.replaceAll(dirname(file), ''))).toEqual([
      expect.stringMatching(/: uplink\.passwordFile: cannot read \/secret: /),
      expect.stringMatching(/^warning: \/edge.yaml:5:18: uplink\.tls\.caFile: \/empty\.pem holds no certificate/),
      expect.stringMatching(
        /: uplink\.tls\.certFile: cannot read \/none\.pem: .* \(the agent would run, and not connect/,
      ),
    ]);
  });

  test('where a unit of a link is two devices', () => {
    const text = device('d', 3, 'tag: a, address: 0') + device('e', 3, 'tag: a, address: 9');
    expect(warningsOf(text)).toEqual([
      'warning: edge.yaml:13:11: devices[1].unit: unit 3 on h:502 is d too (edge.yaml:7:11): is it the right unit?',
    ]);
    expect(warningsOf(device('d', 3, 'tag: a, address: 0') + device('e', 4, 'tag: a, address: 0'))).toEqual([]);
  });

  test('where a command may write what the type of an OPC UA tag cannot hold', () => {
    const tags = [
      'a, node: i=1, type: int8, write: { min: -128, max: 128 }',
      'b, node: i=2, write: { min: -5, max: 1e9 }',
    ];
    const text = `  - device: d\n    protocol: opcua\n    endpoint: opc.tcp://h:4840\n    tags:\n${tags.map((tag) => `      - { tag: ${tag} }\n`).join('')}`;
    expect(warningsOf(text)).toEqual([
      expect.stringMatching(
        /tags\[0\]\.write\.max: a \(int8\) can only hold -128 to 127: what lies beyond is refused$/,
      ),
    ]);
  });

  test('where a command may write what the registers cannot hold', () => {
    const tags = [
      'tag: a, address: 0, write: { min: -5, max: 100000 }',
      'tag: b, address: 1, type: int16, scale: 0.1, write: { min: -3276.8, max: 3276.8 }',
      'tag: c, address: 2, write: { min: 0, max: 65535 }',
      'tag: d, address: 3, type: float32, write: { min: -5, max: 100000 }',
      'tag: e, address: 5, type: int16, bits: [0, 3], write: { min: -8, max: 7 }',
      'tag: f, address: 6, type: bcd, registers: 1, write: { min: 0, max: 10000 }',
    ];
    expect(warningsOf(device('d', 1, ...tags))).toEqual([
      'warning: edge.yaml:9:45: devices[0].tags[0].write.min: a (uint16) can only hold 0 to 65535: what lies beyond is refused',
      'warning: edge.yaml:9:54: devices[0].tags[0].write.max: a (uint16) can only hold 0 to 65535: what lies beyond is refused',
      'warning: edge.yaml:10:84: devices[0].tags[1].write.max: b (int16) can only hold -3276.8 to 3276.7: what lies beyond is refused',
      'warning: edge.yaml:14:78: devices[0].tags[5].write.max: f (bcd) can only hold 0 to 9999: what lies beyond is refused',
    ]);
  });

  test('of nothing in the shipped profiles; a slip beside one is told at its own place', () => {
    const uses = shippedProfileNames(profilesFolder).map(
      (name, index) =>
        `  - { device: d${index}, protocol: modbus, link: { kind: tcp, host: h${index} }, profile: ${name} }\n`,
    );
    expect(warningsOf(uses.join(''))).toEqual([]);
    const beside = `  - device: d\n    protocol: modbus\n    link: { kind: tcp, host: h }\n    profile: eastron/sdm630\n    tags: [{ tag: own, table: input, address: 1 }]\n`;
    expect(warningsOf(beside)).toEqual([
      expect.stringMatching(/^warning: edge\.yaml:8:47: devices\[0\]\.tags\[0\]\.address: own .* of voltage\.l1 /),
    ]);
  });
});

test('validate tells which polls write, whatever commands may', () => {
  const text = (tags: string): string => `  - device: drive
    protocol: modbus
    link: { kind: tcp, host: h }
    pollsMayWrite: true
    exchanges: [{ exchange: one, address: 9, words: [1] }, { exchange: two, address: 9, words: [2] }]
    tags: [{ tag: a, address: 0, exchange: one }, { tag: b, address: 1, exchange: one }${tags}]
`;
  const told = (devices: string) => validate('edge.yaml', readEdgeConfig(settingsFile(devices), profilesFolder));
  expect(told(text(', { tag: c, address: 0, exchange: two }')).slice(-2)).toEqual([
    '  nothing can be written by commands (commands.enabled is false)',
    '  polls write to 1 device, at every one of them: drive (2 exchanges)',
  ]);
  expect(told(device('d', 1, 'tag: a, address: 0')).join('\n')).not.toContain('polls write');
});

test('validate tells which OPC UA connections others on the network can read or change', () => {
  const ua = (name: string, rest: string): string =>
    `  - { device: ${name}, protocol: opcua, endpoint: 'opc.tcp://${name}', tags: [{ tag: x, node: i=1 }]${rest} }\n`;
  const told = (devices: string) => validate('edge.yaml', readEdgeConfig(settingsFile(devices), profilesFolder));
  const user = ', username: u, passwordFile: p';
  const devices = [
    ua('safe', ''),
    ua('open', ', security: { policy: None, mode: None }'),
    ua('old', `${user}, passwordInClearText: true`),
  ];
  expect(told(devices.join(''))).toContain(
    '  OPC UA that others on the network can read or change: open (security None), old (password in clear text)',
  );
  expect(told(ua('safe', user)).join('\n')).not.toContain('others on the network');
});

test('validate fails where a line cannot carry what is asked, and where it is nearly so warns', () => {
  const meter = (everyMs: number): string =>
    `  - device: m\n    protocol: modbus\n    link: { kind: rtu, path: /dev/ttyS9, baudRate: 9600 }\n    everyMs: ${everyMs}\n    tags: [{ tag: a, address: 0 }]\n`;
  const file = settingsFile(meter(20));
  expect(() => validate(file, readEdgeConfig(file, profilesFolder))).toThrow(
    /1 problem in .*edge\.yaml:\n {2}.*edge\.yaml:7:14: devices\[0\]\.everyMs: \/dev\/ttyS9 at 9600 baud would be taken for 176 % of the time/,
  );
  expect(warningsOf(meter(40))).toEqual([expect.stringContaining('taken for 88 % of the time')]);
  expect(warningsOf(meter(1_000))).toEqual([]);
});
