import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openOwn, ownFiles, renewAheadMs } from '../../../src/drivers/opcua/trust/own-certificate.ts';
import { addTrusted, keepUnknown, move, readTrustFolder } from '../../../src/drivers/opcua/trust/trust-folder.ts';
import { type DeviceSettings, type Rig, tagOf, trouble, useRigs } from './harness.ts';
import { type Made, make, revocationListOf } from './made-certificates.ts';
import { type AsyncuaSecurity, asyncua, startAsyncua } from './peers/asyncua.ts';
import { startLine } from './peers/cut-line.ts';

const rigFor = useRigs();
const servers: { readonly kill: () => Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.kill()));
});

const nodes = [{ namespace: 'urn:plant', name: 'level', dataType: 'Double', value: 0.5 }];
const tags = [tagOf('level')];
const applicationUri = 'urn:plant:server';
const secret = 'a password that nobody else may read';
const passwordFile = join(temporaryFolder(), 'password');
writeFileSync(passwordFile, secret);

let made: Made;
beforeAll(async () => {
  made = await make({ uri: applicationUri, dns: ['plc'] });
});

async function serverWith(security: Partial<AsyncuaSecurity>, own = made) {
  const secured = {
    policies: ['Basic256Sha256_SignAndEncrypt'],
    certificate: own.file,
    key: own.keyFile,
    applicationUri,
    passwords: { operator: secret },
    ...security,
  };
  const server = await startAsyncua({ namespaces: ['urn:plant'], nodes, security: secured });
  servers.push(server);
  return server;
}

/** `security` absent: the strongest. The certificate of the server is trusted unless `trusted` says otherwise. */
function connect(endpoint: string, settings: Partial<DeviceSettings> = {}, trusted: readonly Made[] = [made]): Rig {
  const rig = rigFor({ endpoint, tags, security: undefined, ...settings });
  for (const { certificate } of trusted) addTrusted(rig.certificateFolder, certificate);
  return rig;
}

const noted = (rig: Rig, text: string): Promise<true> =>
  waitFor(() => rig.driver.note?.()?.includes(text) === true, { what: `the note ${text}` });

describeWith(asyncua, 'a server that is not node-opcua', () => {
  describe('and its certificates', () => {
    test('is refused until it is trusted; then it refuses us, until it trusts us; no restart in between', async () => {
      const clients = temporaryFolder();
      const server = await serverWith({ clients });
      const rig = connect(server.endpoint, {}, []);
      expect(await trouble(rig, /not trusted/)).toContain(`SHA-256 ${made.certificate.fingerprint256}`);
      const [kept] = readTrustFolder(rig.certificateFolder).certificates;
      expect(kept).toMatchObject({ state: 'unknown', presented: { by: server.endpoint } });
      if (kept !== undefined) move(rig.certificateFolder, kept, 'trusted');
      const text = await trouble(rig, /does not trust this gateway: on the server, trust its certificate/);
      expect(text).toContain(ownFiles(rig.certificateFolder).current);
      const [refused = ''] = readdirSync(join(clients, 'rejected'));
      copyFileSync(join(clients, 'rejected', refused), join(clients, 'trusted', refused));
      await rig.sees('level', 0.5);
    });

    test('goes on with our old certificate until it trusts the successor, which is presented first', async () => {
      const clients = temporaryFolder();
      const server = await serverWith({ clients });
      const rig = connect(server.endpoint, {}, []);
      await trouble(rig, /not trusted/);
      const { certificateFolder } = rig;
      const files = ownFiles(certificateFolder);
      const ended = await make({ name: 'Fieldline', uri: 'urn:gateway:Fieldline', isClient: true, toDays: 30 });
      copyFileSync(ended.keyFile, files.key);
      copyFileSync(ended.file, files.current);
      const name = (serial: string): string => `${serial.toLowerCase().replace(/^0+/, '')}.der`;
      writeFileSync(join(clients, 'trusted', name(ended.certificate.serialNumber)), ended.certificate.raw);
      addTrusted(certificateFolder, made.certificate);
      await rig.sees('level', 0.5);
      await noted(rig, 'trust its successor on every server before');
      const [next] = await openOwn(certificateFolder, new Date());
      expect(next?.file).toBe(files.next);
      expect((next?.certificate.validToDate.getTime() ?? 0) - Date.now()).toBeGreaterThan(renewAheadMs);
      expect(readdirSync(join(clients, 'rejected'))).toContain(name(next?.certificate.serialNumber ?? ''));
    });

    test('is trusted by its authority once its revocation list is there, for the name that it was issued for', async () => {
      const authority = await make({ name: 'Works', isAuthority: true });
      const own = await make({ by: authority, uri: applicationUri, dns: ['localhost'] });
      const server = await serverWith({}, own);
      const rig = connect(server.endpoint, {}, [authority]);
      await trouble(rig, /comes from an authority whose revocation list is missing, CN=Works/);
      const list = await revocationListOf(authority, []);
      copyFileSync(list, join(rig.certificateFolder, 'trusted', 'crl', 'works.crl'));
      await trouble(rig, /is not for 127\.0\.0\.1 but for .*DNS:localhost.*: state such a name in endpoint/);
      const named = connect(server.endpoint.replace('127.0.0.1', 'localhost'), {}, [authority]);
      copyFileSync(list, await place(named, 'works.crl'));
      await named.sees('level', 0.5);
      copyFileSync(await revocationListOf(authority, [own]), await place(rig, 'works.crl'));
      await trouble(rig, /was revoked by its authority CN=Works/);
    });

    test('that name another application than the server calls itself are refused, although they are trusted', async () => {
      const other = await make({ uri: 'urn:plant:other' });
      const server = await serverWith({}, other);
      const rig = connect(server.endpoint, {}, [other]);
      expect(await trouble(rig, /is for the application urn:plant:other/)).toMatch(
        /and the server calls itself urn:plant:server: give the server a certificate .*, or set that one as the ApplicationUri of the server$/,
      );
      const nameless = await make();
      const second = await serverWith({}, nameless);
      await trouble(connect(second.endpoint, {}, [nameless]), /for the application without a URI/);
    });

    test('that have expired are refused, although they are trusted, with what to do there and here', async () => {
      const ended = await make({ uri: applicationUri, fromDays: -9, toDays: -1 });
      const server = await serverWith({}, ended);
      expect(await trouble(connect(server.endpoint, {}, [ended]), /has expired/)).toMatch(
        /^the certificate of the server, CN=Server .* has expired: renew it on the server, or correct the clock here \(20/,
      );
      const works = await make({ name: 'Works', isAuthority: true, fromDays: -9, toDays: -1 });
      const own = await make({ by: works, uri: applicationUri, ip: ['127.0.0.1'] });
      const second = await serverWith({}, own);
      await trouble(
        connect(second.endpoint, {}, [works]),
        /^an authority of the server, CN=Works .* has expired: have it renewed, and give the new one to the server, or/,
      );
    });

    test('that expire soon are noted', async () => {
      const short = await make({ uri: applicationUri, toDays: 5 });
      const server = await serverWith({}, short);
      const rig = connect(server.endpoint, {}, [short]);
      await rig.sees('level', 0.5);
      await noted(rig, 'the certificate of the server expires on');
    });

    test('do not fill the disk, whoever presents them', async () => {
      const folder = temporaryFolder();
      const { certificate } = made;
      // The fingerprint makes the name: a hundred others stand in for as many servers.
      for (let other = 0; other < 100; other++) {
        expect(
          keepUnknown(
            folder,
            Object.create(certificate, { fingerprint256: { value: `AA:${other}` } }),
            'x',
            new Date(),
          ),
        ).toBe(true);
      }
      expect(keepUnknown(folder, certificate, 'x', new Date())).toBe(false);
    });
  });

  describe('and its policies', () => {
    test('each is spoken in both modes', async () => {
      const policies = ['Basic256Sha256', 'Aes128Sha256RsaOaep', 'Aes256Sha256RsaPss'] as const;
      const modes = ['Sign', 'SignAndEncrypt'] as const;
      const server = await serverWith({
        policies: policies.flatMap((policy) => modes.map((mode) => `${policy}_${mode}`)),
      });
      for (const security of policies.flatMap((policy) => modes.map((mode) => ({ policy, mode })))) {
        const rig = connect(server.endpoint, { security });
        await rig.sees('level', 0.5);
        expect(rig.driver.note?.()).toBe(`${server.endpoint}: ${security.policy}/${security.mode}`);
        await rig.driver.close();
      }
    });

    test('the strongest is taken where none is stated, and None never', async () => {
      const server = await serverWith({
        policies: ['NoSecurity', 'Basic256Sha256_Sign', 'Basic256Sha256_SignAndEncrypt', 'Aes256Sha256RsaPss_Sign'],
      });
      const rig = connect(server.endpoint);
      await rig.sees('level', 0.5);
      expect(rig.driver.note?.()).toBe(`${server.endpoint}: Basic256Sha256/SignAndEncrypt, the strongest it offers`);
      const open = await serverWith({ policies: ['NoSecurity'] });
      await trouble(connect(open.endpoint), /offers no security that this agent speaks; it offers None\/None:/);
    });
  });

  describe('and its users', () => {
    const operator = { username: 'operator', passwordFile };

    test('lets one in by password and by certificate, and nobody else', async () => {
      const user = await make({ name: 'operator' });
      const stranger = await make({ name: 'stranger' });
      const server = await serverWith({ tokens: ['password', 'certificate'], userCertificates: [user.file] });
      await connect(server.endpoint, operator).sees('level', 0.5);
      const files = ({ file, keyFile }: Made) => ({ userCertificateFile: file, userKeyFile: keyFile });
      await connect(server.endpoint, files(user)).sees('level', 0.5);
      await trouble(
        connect(server.endpoint),
        /lets no anonymous user in: set username and passwordFile, or set userCertificateFile and userKeyFile/,
      );
      await trouble(
        connect(server.endpoint, files(stranger)),
        /refused the user certificate .*: on the server, trust it/,
      );
      await trouble(
        connect(server.endpoint, { userCertificateFile: user.file, userKeyFile: stranger.keyFile }),
        /^userKeyFile: .* is not the key of /,
      );
    });

    test('has no password sent in clear text unless the settings say so', async () => {
      const server = await serverWith({ policies: ['NoSecurity'], tokens: ['password'] });
      const line = await startLine(server.port);
      servers.push({ kill: async () => line.close() });
      const endpoint = server.endpoint.replace(String(server.port), String(line.port));
      const security = { policy: 'None', mode: 'None' } as const;
      await trouble(connect(endpoint, { ...operator, security }), /takes the password only in clear text/);
      expect(line.carried().includes(secret)).toBe(false);
      await connect(endpoint, { ...operator, security, passwordInClearText: true }).sees('level', 0.5);
      expect(line.carried().includes(secret)).toBe(true);
    });

    test('has a password over an open line encrypted for it, once its certificate is trusted', async () => {
      const server = await serverWith({
        policies: ['NoSecurity', 'Basic256Sha256_SignAndEncrypt'],
        tokens: ['password'],
      });
      const line = await startLine(server.port);
      servers.push({ kill: async () => line.close() });
      const endpoint = server.endpoint.replace(String(server.port), String(line.port));
      const rig = connect(endpoint, { ...operator, security: { policy: 'None', mode: 'None' } }, []);
      await trouble(rig, /certificate of the server is not trusted/);
      addTrusted(rig.certificateFolder, made.certificate);
      await rig.sees('level', 0.5);
      expect(line.carried().includes(secret)).toBe(false);
    });
  });
});

/** As soon as the driver has made its folders. */
const place = (rig: Rig, name: string): Promise<string> =>
  waitFor(
    () => {
      const folder = join(rig.certificateFolder, 'trusted', 'crl');
      return readdirSync(folder) && join(folder, name);
    },
    { what: 'the folder of revocation lists' },
  );
