import { edgeSchema, parseConfig } from '@fieldline/shared/config';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';

const device = {
  device: 'plc',
  protocol: 'modbus',
  link: { kind: 'tcp', host: '127.0.0.1' },
  tags: [{ tag: 'level', address: 0 }],
};
const read = (uplink: Record<string, unknown>) =>
  parseConfig(edgeSchema, stringify({ gateway: 'g1', uplink, devices: [device] }), 'edge.yaml').uplink;

const [first, second] = ['mqtts://one.example:8883', 'wss://two.example/mqtt'];
const broker = 'mqtt://127.0.0.1:1883';

test('a broker stands alone or in a list, in the order of preference', () => {
  expect(read({ broker: first }).broker).toBe(first);
  expect(read({ broker: [first, second] }).broker).toEqual([first, second]);
});

test('a site may have a proxy', () => {
  const proxy = { url: 'http://proxy.example:3128', username: 'plant', passwordFile: 'proxy-password' };
  expect(read({ broker, proxy }).proxy).toEqual(proxy);
  expect(read({ broker, proxy: { url: 'socks5://proxy.example' } }).proxy).toEqual({ url: 'socks5://proxy.example' });
});

const address = 'must be an address such as mqtt://host:1883, mqtts://host:8883, ws:// or wss://';
const tls = { caFile: 'ca.pem' };

test.each([
  [{ broker: 'one.example' }, `uplink.broker: is "one.example": ${address}`],
  [{ broker: [broker, 'two.example:1883'] }, `uplink.broker[1]: is "two.example:1883": ${address}`],
  [{ broker: [] }, 'uplink.broker: is empty; it must have at least 1 entry'],
  [{ broker: [broker, broker] }, `uplink.broker[1]: is "${broker}": stands in the list already`],
  [{ broker: [first, 'mqtt://a:b@c'] }, 'uplink.broker[1]: is "mqtt://a:…@c": a password does not stand in an address'],
  [{ broker, tls }, `uplink.broker: is "${broker}": uplink.tls is set, but this address is not encrypted`],
  [{ broker: [first, broker], tls }, `uplink.broker[1]: is "${broker}": uplink.tls is set, but this address`],
  [
    { broker: first, tls: { certFile: 'c.pem' } },
    'uplink.tls.certFile: is "c.pem": a certificate is of no use without',
  ],
  [{ broker: first, tls: { keyFile: 'k.pem' } }, 'uplink.tls.keyFile: is "k.pem": a key is of no use without'],
  [
    { broker, proxy: { url: 'ftp://p' } },
    'uplink.proxy.url: is "ftp://p": must be an address such as http://host:3128',
  ],
  [
    { broker, proxy: { url: 'http://plant:s3cret@p' } },
    'uplink.proxy.url: is "http://plant:…@p": user and password do not stand in an address',
  ],
  [
    { broker, proxy: { url: 'http://p', passwordFile: 'f' } },
    'uplink.proxy.passwordFile: is "f": a password is of no use without a user: set uplink.proxy.username',
  ],
  [{ broker, keepaliveMs: 65_536_000 }, 'uplink.keepaliveMs: is 65536000; it must be at most 65535000'],
])('an uplink with %j is refused, with what would be right', (uplink, message) => {
  expect(() => read(uplink)).toThrow(message);
});
