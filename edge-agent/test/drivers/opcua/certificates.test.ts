import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { createCertificateStore } from '../../../src/drivers/opcua/trust/certificates.ts';
import { move, readTrustFolder } from '../../../src/drivers/opcua/trust/trust-folder.ts';
import { make } from './made-certificates.ts';

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

test('a server that presents another certificate than the one trusted at its endpoint is told to have changed it', async () => {
  const folder = temporaryFolder();
  const by = { endpoint: 'opc.tcp://plc:4840', applicationUri: 'urn:test:server' };
  const store = createCertificateStore(folder, systemClock.now, silentLog);
  const [first, second] = [await make(), await make({ name: 'Other' })];
  await expect(store.check(first.certificate.raw, by)).rejects.toThrow(/^the certificate of the server is not trusted/);
  const [kept] = readTrustFolder(folder).certificates;
  if (kept !== undefined) move(folder, kept, 'trusted');
  await expect(store.check(second.certificate.raw, by)).rejects.toThrow(
    `the server presents another certificate than the one that is trusted, CN=Server (SHA-256 ${first.certificate.fingerprint256}, `,
  );
  const elsewhere = { ...by, endpoint: 'opc.tcp://other:4840' };
  await expect(store.check(second.certificate.raw, elsewhere)).rejects.toThrow(/^the certificate of the server is not/);
});
