import { edgeSchema, parseConfig } from '@fieldline/shared/config';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';

const broker = 'mqtt://127.0.0.1:1883';
const link = { kind: 'tcp', host: '127.0.0.1' };

const read = (devices: unknown[], others: Record<string, unknown> = {}): unknown =>
  parseConfig(edgeSchema, stringify({ gateway: 'g1', uplink: { broker }, ...others, devices }), 'edge.yaml');
const plc = (tag: Record<string, unknown>, place: object = link) => ({
  device: 'plc',
  protocol: 'modbus',
  link: place,
  tags: [{ tag: 'level', address: 0, ...tag }],
});
const server = (settings: Record<string, unknown>, tag: Record<string, unknown> = {}) => ({
  device: 'line',
  protocol: 'opcua',
  endpoint: 'opc.tcp://127.0.0.1:4840',
  tags: [{ tag: 'speed', node: 'ns=2;s=Speed', ...tag }],
  ...settings,
});

test.each([
  [{ scale: 0 }, 'scale: is 0: scale 0 leaves nothing'],
  [{ minimum: 2, maximum: 1 }, 'maximum: is 1: must not be below minimum'],
  [{ type: 'int16', notAvailable: [0x8000, 0x1_0000] }, 'notAvailable[1]: is 65536: int16 never holds this: it has 16'],
  [{ type: 'int32', notAvailable: ['0x100000000'] }, 'notAvailable[0]: is "0x100000000": int32 never holds'],
  [{ type: 'uint16', notAvailable: [0.5] }, 'notAvailable[0]: is 0.5: uint16 never holds'],
  [{ type: 'bool', bit: 1, notAvailable: [-40_000] }, 'notAvailable[0]: is -40000: a register never holds'],
])('a tag of registers with %j is refused', (tag, message) => {
  expect(() => read([plc(tag)])).toThrow(`devices[0].tags[0].${message}`);
});

test.each([
  [70_000, 'devices[0].tags[0].address: is 70000: the last register is 65535'],
  [465_537, 'devices[0].tags[0].address: is 465537; it must be at most 465536'],
  [-1, 'devices[0].tags[0].address: is -1; it must be at least 0'],
  [65_536, 'devices[0].tags[0].address: is 65536: the last register is 65535'],
])('the address %i is refused once', (address, message) => {
  expect(() => read([plc({ address })])).toThrow(
    new RegExp(`^1 problem in edge.yaml:\n  edge.yaml:\\d+:\\d+: ${RegExp.escape(message)}$`),
  );
});

test.each([
  [{ everyMs: -5 }, /^1 problem in edge.yaml:\n {2}edge.yaml:\d+:\d+: devices\[0\]\.everyMs: /],
  [
    { tags: [{ tag: 't', address: 0, type: 'string', registers: 124 }] },
    /^1 problem in .*\n.*registers: is 124; it must be at most 123$/,
  ],
  [
    { tags: [{ tag: 't', address: 0, type: 'bcd', registers: 5 }] },
    /^1 problem in .*\n.*registers: is 5: bcd has 1 to 4 of them$/,
  ],
])('%j is told once', (settings, message) => {
  expect(() => read([{ ...plc({}), ...settings }])).toThrow(message);
});

test.each([
  [{ journal: { segmentBytes: 1 } }, 'journal.segmentBytes: is 1; it must be at least 32768'],
  [{ journal: { flushMs: 100_000_000 } }, 'journal.flushMs: is 100000000; it must be at most 60000'],
  [{ journal: { flushMs: 1 } }, 'journal.flushMs: is 1; it must be at least 5'],
  [
    { http: { host: '999.1.1.1' } },
    'http.host: is "999.1.1.1": must be a name or an address: the four numbers of an IPv4',
  ],
])('%j is refused', (others, message) => {
  expect(() => read([plc({})], others)).toThrow(message);
});

test('times are moved by no more than a quarter of the shortest period', () => {
  const withTolerance = (timeToleranceMs: number, everyMs?: number) => () =>
    read([{ ...plc({ everyMs }), timeToleranceMs }]);
  const message =
    'devices[0].timeToleranceMs: is 251: neighbouring samples must stay apart: at most a quarter of everyMs';
  expect(withTolerance(251)).toThrow(`${message}, which is 1000`);
  expect(withTolerance(251, 1_003)).toThrow(`${message}, which is 1003`);
  expect(withTolerance(250)).not.toThrow();
  expect(withTolerance(251, 1_004)).not.toThrow();
});

test.each([
  { type: 'int16', notAvailable: [-32_768, 0x8000, '0xFFFF'] },
  { type: 'uint64', notAvailable: ['0xFFFFFFFFFFFFFFFF', -1] },
  { type: 'float32', notAvailable: [-9999.5, 1e30, '0x7FC00000'] },
  { minimum: 1, maximum: 1 },
])('a tag of registers with %j is accepted', (tag) => {
  expect(() => read([plc(tag)])).not.toThrow();
});

test.each([
  [{ security: { policy: 'None', mode: 'Sign' } }, 'security.mode: is "Sign": policy and mode are both None'],
  [{ security: { policy: 'Basic256Sha256', mode: 'None' } }, 'security.mode: is "None": policy and mode are both None'],
  [{ username: 'operator' }, 'username: is "operator": username and passwordFile go together'],
  [{ passwordInClearText: true }, 'passwordInClearText: is true: there is no password to send'],
  [{ userKeyFile: 'k' }, 'userCertificateFile: is missing: userCertificateFile and userKeyFile go together'],
  [
    { username: 'u', passwordFile: 'p', userCertificateFile: 'c', userKeyFile: 'k' },
    'userCertificateFile: is "c": a session has one user',
  ],
])('an OPC UA device with %j is refused', (settings, message) => {
  expect(() => read([server(settings)])).toThrow(`devices[0].${message}`);
});

test.each(['ns=1;i=abc', 'g=12', 'ns=x;s=a', 'i=12345678901', 'speed'])('%s is no node id', (node) => {
  expect(() => read([server({}, { node })])).toThrow(`is "${node}": a node id such as`);
});

test.each(['i=2258', 'ns=1;g=09087e75-8e5e-499b-954f-f2a9603db28a', 'nsu=urn:plant;s=Line 1.Speed', 'b=AQI='])(
  '%s is a node id',
  (node) => {
    expect(() => read([server({}, { node })])).not.toThrow();
  },
);

test('an OPC UA tag whose maximum is below its minimum is refused', () => {
  expect(() => read([server({}, { minimum: 2, maximum: 1 })])).toThrow('devices[0].tags[0].maximum: is 1: must not be');
});

test.each([
  [
    'plc',
    {},
    { thinToMs: 1_000 },
    'tags[0].thinToMs: is 1000: thins nothing, since samples are 1000 ms apart (everyMs)',
  ],
  [
    'plc',
    {},
    { thinToMs: 60_000, everyMs: 60_000 },
    'tags[0].thinToMs: is 60000: thins nothing, since samples are 60000',
  ],
  ['plc', { thinToMs: 500 }, {}, 'thinToMs: is 500: thins nothing, since samples are 1000 ms apart (everyMs): state a'],
  ['plc', { thinToMs: 5_000 }, { everyMs: 6_000 }, 'thinToMs: is 5000: thins nothing, since samples are 6000 ms apart'],
  [
    'line',
    {},
    { thinToMs: 500 },
    'tags[0].thinToMs: is 500: thins nothing, since samples are 500 ms apart (samplingMs)',
  ],
  ['line', { samplingMs: 2_000, thinToMs: 2_000 }, {}, 'thinToMs: is 2000: thins nothing, since samples are 2000 ms'],
])('a %s with %j and a tag with %j is refused, since nothing would be thinned', (which, settings, tag, message) => {
  const device = which === 'plc' ? { ...plc(tag), ...settings } : server(settings, tag);
  expect(() => read([device])).toThrow(`devices[0].${message}`);
});

test('what thins some samples is accepted', () => {
  expect(() => read([{ ...plc({ everyMs: 999 }), thinToMs: 1_000 }])).not.toThrow();
  expect(() => read([server({ samplingMs: 0 }, { thinToMs: 1 })])).not.toThrow();
  // Of use to one tag, and inherited by another.
  const tags = [
    { tag: 'level', address: 0 },
    { tag: 'hours', address: 1, everyMs: 3_600_000 },
  ];
  expect(() => read([{ ...plc({}), thinToMs: 60_000, tags }])).not.toThrow();
  expect(() =>
    read([{ ...plc({}), thinToMs: 10, tags: [{ tag: 'level', address: 0, thinToMs: 2_000 }] }]),
  ).not.toThrow();
});

test('a host is a name alone', () => {
  for (const host of ['my host', 'http://plc', ' ']) {
    expect(() => read([plc({}, { kind: 'tcp', host })])).toThrow('without blanks or slashes');
  }
  expect(() => read([plc({}, { kind: 'tcp', host: '::1' })])).not.toThrow();
});

test('a journal too small to hold segments is refused', () => {
  expect(() => read([plc({})], { journal: { maxBytes: 100_000 } })).toThrow(
    'journal.maxBytes: is 100000; it must be at least 1048576',
  );
});

test('a password in the address of the broker is refused, and not repeated', () => {
  const uplink = { broker: 'mqtt://line:s3cret@127.0.0.1:1883' };
  expect(() => read([plc({})], { uplink })).toThrow(
    'uplink.broker: is "mqtt://line:…@127.0.0.1:1883": a password does not stand in an address: use username and passwordFile',
  );
});
