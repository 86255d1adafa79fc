import { copyFileSync, readFileSync } from 'node:fs';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import { createCertificateStore } from '../../../src/drivers/opcua/trust/certificates.ts';
import {
  type OwnCertificate,
  openOwn,
  ownCertificates,
  ownFiles,
  renewAheadMs,
} from '../../../src/drivers/opcua/trust/own-certificate.ts';
import { listeningLog } from '../../helpers/listening-log.ts';
import { make } from './made-certificates.ts';

const dayMs = 24 * 3_600_000;
const spkiOf = (own: OwnCertificate | undefined): string | undefined =>
  own?.certificate.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const at = (time: number): Date => new Date(time);

describe('our own certificate', () => {
  test('has a successor with the same key and URI from 90 days before its end, and is replaced by it then', async () => {
    const folder = temporaryFolder();
    const [first] = await openOwn(folder, new Date());
    const end = first?.certificate.validToDate.getTime() ?? 0;
    expect(await openOwn(folder, at(end - renewAheadMs - dayMs))).toHaveLength(1);
    const due = await openOwn(folder, at(end - renewAheadMs + dayMs));
    expect(due.map(({ file }) => file)).toEqual([ownFiles(folder).next, ownFiles(folder).current]);
    const [next, old] = due.map(({ certificate }) => certificate);
    expect(old?.fingerprint256).toBe(first?.certificate.fingerprint256);
    expect(next?.subjectAltName).toBe(old?.subjectAltName);
    expect(spkiOf(due[0])).toBe(spkiOf(first));
    expect(next?.validToDate.getTime()).toBeGreaterThan(end + 9 * 365 * dayMs);
    const after = await openOwn(folder, at(end + dayMs));
    expect(after.map(({ file, certificate }) => [file, certificate.fingerprint256])).toEqual([
      [ownFiles(folder).current, next?.fingerprint256],
    ]);
    expect(ownCertificates(folder)).toHaveLength(1);
  });

  test('is told of ahead of its end, once in the log, and for as long as it lasts in the notes', async () => {
    const folder = temporaryFolder();
    const [first] = await openOwn(folder, new Date());
    let now = Date.now();
    const { log, lines } = listeningLog();
    const store = createCertificateStore(folder, () => now * 1_000, log);
    await store.open();
    expect(store.note()).toBeNull();
    now = (first?.certificate.validToDate.getTime() ?? 0) - 80 * dayMs;
    await store.open();
    await store.open();
    const day = first?.certificate.validToDate.toISOString().slice(0, 10);
    expect(store.note()).toContain(
      `our own certificate expires on ${day}: trust its successor on every server before (`,
    );
    expect(store.note()).toContain(ownFiles(folder).next);
    expect(lines.map(({ msg }) => msg)).toEqual([store.note()]);
  });

  test('lasts ten years from a day ago on, also where the clock of the machine was never set', async () => {
    const [unset] = await openOwn(temporaryFolder(), new Date(0));
    expect(unset?.certificate.validToDate.getTime()).toBeGreaterThan(Date.UTC(2035, 0));
    const [set] = await openOwn(temporaryFolder(), new Date());
    expect(set?.certificate.validFromDate.getTime()).toBeLessThan(Date.now() - dayMs / 2);
  });

  test('of an authority is used as it is, and nobody but the authority renews it', async () => {
    const folder = temporaryFolder();
    await openOwn(folder, new Date());
    const files = ownFiles(folder);
    const authority = await make({ name: 'Works', isAuthority: true });
    const issued = await make({ by: authority, uri: 'urn:works:gateway', toDays: 20 });
    copyFileSync(issued.file, files.current);
    copyFileSync(issued.keyFile, files.key);
    const store = createCertificateStore(folder, () => Date.now() * 1_000, listeningLog().log);
    expect((await store.open()).map(({ certificate }) => certificate.subject)).toEqual(['CN=Server']);
    expect(store.note()).toMatch(/have its authority renew it, and put the new one into .*client_certificate\.pem$/);
    expect(readFileSync(files.current).equals(readFileSync(issued.file))).toBe(true);
  });

  test('that does not fit its key, or has no URI, is told with its file', async () => {
    const folder = temporaryFolder();
    await openOwn(folder, new Date());
    const { current, key } = ownFiles(folder);
    const without = await make({ dns: ['gateway'] });
    copyFileSync(without.file, current);
    await expect(openOwn(folder, new Date())).rejects.toThrow(
      `${current} does not belong to the private key beside it`,
    );
    copyFileSync(without.keyFile, key);
    await expect(openOwn(folder, new Date())).rejects.toThrow(
      `${current} has no application URI in its subjectAltName`,
    );
  });
});
