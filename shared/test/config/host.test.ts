import { edgeSchema, modbusLinkSchema, parseConfig } from '@fieldline/shared/config';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';

const hostOf = (host: string) => modbusLinkSchema.safeParse({ kind: 'tcp', host });
const read = (link: object): unknown => {
  const device = { device: 'plc', protocol: 'modbus', link, tags: [{ tag: 'level', address: 0 }] };
  return parseConfig(
    edgeSchema,
    stringify({ gateway: 'g1', uplink: { broker: 'mqtt://b' }, devices: [device] }),
    'edge.yaml',
  );
};

test.each([
  'plc',
  'plc-7.site.example',
  '10.0.0.9',
  '::1',
  'fe80::1',
  'fe80::1%eth0',
  '2001:db8::502',
  '1:2:3:4:5:6:7:8',
])('%s is a host', (host) => {
  expect(hostOf(host).success).toBe(true);
});

test.each([
  ['127.0.0.1:21523', 'host: 127.0.0.1, port: 21523'],
  ['plc.site:502', 'host: plc.site, port: 502'],
])('a host with its port, %s, is refused with the two settings that are meant', (host, meant) => {
  const message = `the port is a setting of its own: ${meant}`;
  expect(() => read({ kind: 'tcp', host })).toThrow(`devices[0].link.host: is "${host}": ${message}`);
  expect(() => read({ kind: 'tcp', host: 'plc', backup: { host } })).toThrow(
    `devices[0].link.backup.host: is "${host}": ${message}`,
  );
});
