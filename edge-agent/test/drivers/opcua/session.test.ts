import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { move, readTrustFolder } from '../../../src/drivers/opcua/trust/trust-folder.ts';
import { plantNode, type Rig, tagOf, trouble, useRigs } from './harness.ts';
import { startServer, type TestServer } from './peers/node-opcua.ts';

const rigFor = useRigs();
const nodes = [plantNode('level', 'Double', 1)];
const tags = [tagOf('level')];
const secure = { policy: 'Basic256Sha256', mode: 'SignAndEncrypt' } as const;

/** An attempt under way has one for a moment. */
const leavesNoSession = (server: TestServer): Promise<true> =>
  waitFor(async () => (await server.ask({ do: 'sessions' })) === 0, { what: 'no session to be left' });

/** What the operator does as the message says. */
const trustUnknown = async (rig: Rig): Promise<void> => {
  await trouble(rig, /certificate of the server is not trusted/);
  for (const kept of readTrustFolder(rig.certificateFolder).certificates) {
    if (kept.state === 'unknown') move(rig.certificateFolder, kept, 'trusted');
  }
};

describe('a server with users', () => {
  let server: TestServer;
  const folder = temporaryFolder();
  const passwordFile = (password: string): string => {
    const file = join(folder, `password-${password}`);
    writeFileSync(file, `${password}\n`);
    return file;
  };

  beforeAll(async () => {
    server = await startServer({ nodes, users: { operator: 'right' } });
  });
  afterAll(() => server.kill());

  test('lets the right user in', async () => {
    const rig = rigFor({ endpoint: server.endpoint, tags, username: 'operator', passwordFile: passwordFile('right') });
    await trustUnknown(rig);
    await rig.sees('level', 1);
  });

  test('refuses a wrong password, and the message names the user and the settings', async () => {
    const rig = rigFor({ endpoint: server.endpoint, tags, username: 'operator', passwordFile: passwordFile('wrong') });
    await trustUnknown(rig);
    expect(await trouble(rig, /refused/)).toBe(
      'the server refused the user operator: correct username and passwordFile, or give the user rights on the server',
    );
    await rig.turns('level', 'bad/not-connected');
    await leavesNoSession(server);
  });

  test('refuses to talk to nobody in particular, and the message says that a user is needed', async () => {
    const rig = rigFor({ endpoint: server.endpoint, tags });
    await trouble(rig, /lets no anonymous user in: set username and passwordFile/);
  });

  test('is not asked with a password file that is not there', async () => {
    const rig = rigFor({ endpoint: server.endpoint, tags, username: 'operator', passwordFile: join(folder, 'none') });
    await trouble(rig, /^passwordFile: cannot read .*none/);
  });
});

describe('a secured connection', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ nodes, users: { operator: 'right' } });
  });
  afterAll(() => server.kill());
  const passwordFile = join(temporaryFolder(), 'password');
  writeFileSync(passwordFile, 'right');
  const operator = { username: 'operator', passwordFile };

  test('is refused until the operator trusts the certificate of the server, then made without a restart', async () => {
    const rig = rigFor({ endpoint: server.endpoint, tags, security: secure, ...operator });
    const { certificateFolder } = rig;
    const text = await trouble(rig, /certificate of the server is not trusted/);
    const [file = ''] = readdirSync(join(certificateFolder, 'unknown'));
    expect(text).toContain(`fieldline-edge certs trust ${file.slice(0, 12)}`);
    expect(text).toMatch(/SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}, valid to/);
    await rig.turns('level', 'bad/not-connected');
    await trustUnknown(rig);
    await rig.sees('level', 1);
    expect(rig.driver.status()[0]?.state).toBe('connected');
  });

  test('is made with each policy and mode that the server offers', async () => {
    for (const security of [
      { policy: 'Basic256Sha256', mode: 'Sign' },
      { policy: 'Aes256Sha256RsaPss', mode: 'SignAndEncrypt' },
    ] as const) {
      const rig = rigFor({ endpoint: server.endpoint, tags, security, ...operator });
      await trustUnknown(rig);
      await rig.sees('level', 1);
    }
  });

  test('carries writes as any other does', async () => {
    const writable = { ...tagOf('level'), write: { min: 0, max: 10 } };
    const rig = rigFor({ endpoint: server.endpoint, tags: [writable], security: secure, ...operator });
    await trustUnknown(rig);
    await rig.sees('level', 1);
    const [tag = { device: '', tag: '', type: 'bool' as const }] = rig.driver.tags;
    for (const [before, value] of [
      [1, 2],
      [2, 1],
    ] as const) {
      const result = await rig.driver.writer?.write(tag, { value, permit: () => null });
      expect(result).toEqual({ kind: 'accepted', problem: null, before, written: value });
      await rig.sees('level', value);
    }
    expect(await server.ask({ do: 'written' })).toHaveLength(2);
  });

  test('is not replaced by another one when the server does not offer it; the message lists what it offers', async () => {
    const rig = rigFor({ endpoint: server.endpoint, tags, security: { policy: 'Aes128Sha256RsaOaep', mode: 'Sign' } });
    const text = await trouble(rig, /does not offer/);
    expect(text).toMatch(
      /^the server does not offer Aes128Sha256RsaOaep\/Sign; it offers None\/None, .*Basic256Sha256\/SignAndEncrypt/,
    );
    await leavesNoSession(server);
  });

  test('is refused by a server that does not trust us, and the message names our certificate', async () => {
    const strict = await startServer({ nodes, trustEveryone: false });
    const rig = rigFor({ endpoint: strict.endpoint, tags, security: secure });
    await trustUnknown(rig);
    const text = await trouble(rig, /does not trust this gateway/);
    expect(text).toContain(join(rig.certificateFolder, 'own', 'certs', 'client_certificate.pem'));
    await strict.kill();
  });
});
