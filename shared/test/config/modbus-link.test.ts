import { edgeSchema, modbusLinkName, modbusLinkSchema, parseConfig } from '@fieldline/shared/config';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';

const device = (name: string, link: object, settings: object = {}) => ({
  device: name,
  protocol: 'modbus',
  link,
  tags: [{ tag: 'level', address: 0 }],
  ...settings,
});
const read = (...devices: object[]): unknown =>
  parseConfig(edgeSchema, stringify({ gateway: 'g1', uplink: { broker: 'mqtt://b' }, devices }), 'edge.yaml');
const dialIn = (settings: object) => ({ kind: 'listen', port: 5020, framing: 'rtu', ...settings });

test.each([
  [{ kind: 'tcp', host: 'plc' }, 'plc:502'],
  [{ kind: 'udp', host: 'plc' }, 'plc:502/udp'],
  [{ kind: 'rtu-over-tcp', host: 'plc', port: 4001 }, 'plc:4001'],
  [{ kind: 'ascii', path: '/dev/ttyS1' }, '/dev/ttyS1'],
  [dialIn({}), 'whoever on 127.0.0.1:5020'],
  [dialIn({ registration: 'PUMP-7', from: '10.0.0.9', host: '0.0.0.0' }), 'PUMP-7 10.0.0.9 on 0.0.0.0:5020'],
])('%j is named %s', (link, name) => {
  expect(modbusLinkName(modbusLinkSchema.parse(link))).toBe(name);
});

test('devices that share a link state every setting of it alike', () => {
  const link = { kind: 'tcp', host: 'plc' };
  expect(() => read(device('a', link), device('b', { ...link, port: 502 }, { unit: 2 }))).not.toThrow();
  expect(() => read(device('a', link), device('b', { ...link, pauseBetweenMs: 5 }))).toThrow(
    'another device states plc:502 with other settings; devices that share a link state it alike',
  );
});

test.each([
  [{}, { registration: 'A' }, 'each needs a registration, or an address to come from'],
  [{ registration: 'PUMP-1' }, { registration: 'PUMP-12' }, 'begins as the registration "PUMP-1" of another device'],
  [{ registration: 'A' }, { registration: '0x4142' }, 'begins as the registration "A" of another device'],
  [{ registration: 'A' }, { registration: 'B', host: '0.0.0.0' }, 'port 5020 is already listened to on 127.0.0.1'],
])('devices that dial in to one port with %j and %j cannot be told apart', (one, other, message) => {
  expect(() => read(device('a', dialIn(one)), device('b', dialIn(other)))).toThrow(message);
});

test.each([
  [{ registration: 'A' }, { registration: 'B' }],
  [{ from: '10.0.0.1' }, { from: '10.0.0.2' }],
  [{ registration: 'A' }, { registration: 'A' }],
])('devices that dial in to one port with %j and %j may do so', (one, other) => {
  expect(() => read(device('a', dialIn(one)), device('b', dialIn(other), { unit: 2 }))).not.toThrow();
});

test('bytes of a registration come in pairs of digits', () => {
  expect(() => read(device('a', dialIn({ registration: '0x123' })))).toThrow('bytes are two digits each');
});

test('devices that are the same unit of a link answer alike', () => {
  const link = { kind: 'tcp', host: 'plc' };
  expect(() => read(device('a', link, { answersAs: 9 }), device('b', link))).toThrow('it is the same unit');
  expect(() => read(device('a', link, { answersAs: 9 }), device('b', link, { unit: 2 }))).not.toThrow();
});

test('answers of any unit are taken only where a transaction id tells whose they are', () => {
  const settings = { answersAs: 'any' };
  expect(() => read(device('a', { kind: 'udp', host: 'plc' }, settings))).not.toThrow();
  expect(() => read(device('a', dialIn({ framing: 'tcp' }), settings))).not.toThrow();
  expect(() => read(device('a', { kind: 'rtu', path: '/dev/ttyS1' }, settings))).toThrow(
    'devices[0].answersAs: is "any": on a line without transaction ids',
  );
  expect(() => read(device('a', { kind: 'rtu', path: '/dev/ttyS1' }, { answersAs: 9 }))).not.toThrow();
});

test('RTU has 8 data bits, ASCII may have 7 or 8', () => {
  const path = '/dev/ttyS1';
  const dataBitsOf = (settings: object): unknown => modbusLinkSchema.parse({ path, ...settings });
  expect(dataBitsOf({ kind: 'rtu' })).toMatchObject({ dataBits: 8 });
  expect(dataBitsOf({ kind: 'rtu', dataBits: 8 })).toMatchObject({ dataBits: 8 });
  expect(dataBitsOf({ kind: 'ascii' })).toMatchObject({ dataBits: 7 });
  expect(dataBitsOf({ kind: 'ascii', dataBits: 8 })).toMatchObject({ dataBits: 8 });
  expect(() => read(device('a', { kind: 'rtu', path, dataBits: 7 }))).toThrow(
    'devices[0].link.dataBits: is 7: RTU needs 8 data bits: 7 is for ascii',
  );
});
