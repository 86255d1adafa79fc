import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadEdgeConfig } from '@fieldline/shared/config';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { configFingerprint } from '../src/config-fingerprint.ts';
import { profilesFolder } from '../src/profiles-folder.ts';

test('another profile file is another fingerprint; its comments are not', () => {
  const folder = temporaryFolder();
  const [file, profile] = [join(folder, 'edge.yaml'), join(folder, 'meter.yaml')];
  const device = 'device: m, protocol: modbus, link: { kind: tcp, host: h }, profile: ./meter.yaml';
  writeFileSync(file, `gateway: g\nuplink: { broker: 'mqtt://h' }\ndevices: [{ ${device} }]\n`);
  const fingerprintWith = (address: number, comment = ''): string => {
    const tags = `[{ tag: level, address: ${address} }]`;
    writeFileSync(profile, `model: M\nsources: [{ title: T, at: A }]\ntags: ${tags} ${comment}\n`);
    return configFingerprint(loadEdgeConfig(file, profilesFolder));
  };
  expect(fingerprintWith(1)).toMatch(/^[0-9a-f]{16}$/);
  expect(fingerprintWith(1, '# so it is')).toBe(fingerprintWith(1));
  expect(fingerprintWith(2)).not.toBe(fingerprintWith(1));
});
