import { dirname, join } from 'node:path';
import { describeWith, freePort } from '@fieldline/shared/testing';
import { afterEach, describe, expect, test } from 'vitest';
import * as discover from '../../../src/commands/discover/command.ts';
import { addTrusted } from '../../../src/drivers/opcua/trust/trust-folder.ts';
import { make } from '../../drivers/opcua/made-certificates.ts';
import { type AsyncuaSettings, asyncua, startAsyncua } from '../../drivers/opcua/peers/asyncua.ts';
import { startServer } from '../../drivers/opcua/peers/node-opcua.ts';
import { runByHand, settingsFile } from '../run-by-hand.ts';

const servers: { readonly kill: () => Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.kill()));
});
async function started<S extends { readonly kill: () => Promise<void> }>(starting: Promise<S>): Promise<S> {
  const server = await starting;
  servers.push(server);
  return server;
}

/** Cells of a line, however wide the columns are. */
const cells = (line: string): string[] => line.trim().split(/ {2,}/);

describeWith(asyncua, 'discover', () => {
  test('shows endpoints, users, the certificate, whether it is trusted, and what the agent would take', async () => {
    const made = await make({ name: 'Plant server', uri: 'urn:plant:server' });
    const security: AsyncuaSettings['security'] = {
      policies: ['NoSecurity', 'Basic256Sha256_Sign', 'Aes256Sha256RsaPss_SignAndEncrypt'],
      certificate: made.file,
      key: made.keyFile,
      applicationUri: 'urn:plant:server',
      tokens: ['anonymous', 'password', 'certificate'],
    };
    const server = await started(startAsyncua({ namespaces: [], nodes: [], security }));
    const settings = settingsFile(
      `  - { device: ua, protocol: opcua, endpoint: '${server.endpoint}', tags: [{ tag: x, node: i=1 }] }\n`,
    );
    const { said, thrown } = await runByHand(discover, [server.endpoint, '--config', settings]);
    expect(thrown).toBeNull();
    expect(said.slice(0, 4).map(cells)).toEqual([
      ['ENDPOINT', 'SECURITY', 'USERS', 'TAKEN FOR'],
      [server.endpoint, 'None/None', expect.stringMatching(/^anonymous, certificate \(.*\), password \(.*\)$/)],
      [server.endpoint, 'Basic256Sha256/Sign', expect.stringContaining('password (Basic256Sha256)')],
      [
        server.endpoint,
        'Aes256Sha256RsaPss/SignAndEncrypt',
        'anonymous, certificate (Aes256_Sha256_RsaPss), password (None)',
        'anonymous, password, certificate',
      ],
    ]);
    const text = said.join('\n');
    expect(text).toContain('  CN=Plant server\n');
    expect(text).toContain(`SHA-256  ${made.certificate.fingerprint256}`);
    expect(text).toContain('names    URI:urn:plant:server');
    expect(text).toMatch(/trust {4}not trusted; once the agent has met it: fieldline-edge certs trust [0-9a-f]{12}/);
    expect(cells(said.at(-1) ?? '').slice(1)).toEqual(['urn:plant:server', server.endpoint]);
    addTrusted(join(dirname(settings), 'certificates'), made.certificate);
    const after = await runByHand(discover, [server.endpoint, '--config', settings]);
    expect(after.said).toContain('  trust    trusted');
    const without = await runByHand(discover, [server.endpoint]);
    expect(without.said).toContain('  trust    state --config to see whether it is trusted');
  });

  test('shows the servers that a discovery server knows', async () => {
    const directory = await started(startAsyncua({ namespaces: [], nodes: [] }));
    const registered = await started(
      startAsyncua({
        namespaces: [],
        nodes: [],
        security: { policies: ['NoSecurity'], applicationUri: 'urn:plant:line-2' },
        registerWith: directory.endpoint,
      }),
    );
    const { said } = await runByHand(discover, [directory.endpoint]);
    expect(said).toContainEqual(expect.stringMatching(/^the agent takes none of them where security is not stated: /));
    const known = said.slice(said.findIndex((line) => line.startsWith('SERVER')) + 1).map(cells);
    expect(known).toContainEqual([expect.any(String), 'urn:plant:line-2', registered.endpoint]);
    expect(known).toHaveLength(2);
  });
});

describe('discover', () => {
  test('goes on with the address that it was given, and says so, where the server gives itself another', async () => {
    const server = await started(startServer());
    const { said } = await runByHand(discover, [server.endpoint.replace('127.0.0.1', 'localhost')]);
    expect(said).toContain(
      `the server gives itself another address; the agent goes on with ${server.endpoint.replace('127.0.0.1', 'localhost')}`,
    );
  });

  test('says what is wrong with its words or the server', async () => {
    const port = await freePort();
    for (const [args, code, sentence] of [
      [[], 'arguments/invalid', /^the address is missing: discover opc\.tcp:\/\/10\.0\.0\.5:4840/],
      [['http://plc'], 'arguments/invalid', /^http:\/\/plc is no address such as opc\.tcp:/],
      [['opc.tcp://a', 'opc.tcp://b'], 'arguments/invalid', /^discover takes one address/],
      [[`opc.tcp://127.0.0.1:${port}`], 'device/unreachable', /^nothing listens at /],
    ] as const) {
      const { thrown } = await runByHand(discover, args);
      expect(thrown).toMatchObject({ code, message: expect.stringMatching(sentence) });
    }
  });
});
