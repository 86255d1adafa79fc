import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { createCertificateStore } from '../../../src/drivers/opcua/trust/certificates.ts';

test('our certificate is made once, also when two connections ask for it at the same time, and its key is ours alone', async () => {
  const folder = temporaryFolder();
  const store = createCertificateStore(folder, systemClock.now, silentLog);
  await Promise.all([store.open(), store.open()]);
  const made = readFileSync(store.ownFile);
  await createCertificateStore(folder, systemClock.now, silentLog).open();
  expect(readFileSync(store.ownFile).equals(made)).toBe(true);
  const { subject, subjectAltName, publicKey } = new X509Certificate(made);
  expect(subject).toBe(`CN=Fieldline@${hostname()}`);
  expect(subjectAltName).toContain(`URI:urn:${hostname()}:Fieldline`);
  expect(publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
  expect(statSync(join(folder, 'own', 'private', 'private_key.pem')).mode & 0o077).toBe(0);
});

test('a folder that cannot be used is named', async () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  await expect(createCertificateStore(file, systemClock.now, silentLog).open()).rejects.toThrow(
    `certificates cannot be kept in ${file}: `,
  );
});
