import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import * as certs from '../../../src/commands/certs/command.ts';
import { openOwn } from '../../../src/drivers/opcua/trust/own-certificate.ts';
import { fingerprintOf, keepUnknown, readTrustFolder } from '../../../src/drivers/opcua/trust/trust-folder.ts';
import { make, revocationListOf } from '../../drivers/opcua/made-certificates.ts';
import { runByHand, settingsFile } from '../run-by-hand.ts';

const plant = `  - { device: ua, protocol: opcua, endpoint: 'opc.tcp://h', tags: [{ tag: x, node: i=1 }] }\n`;

/** Settings, and the folder beside them that the agent would use. */
function place() {
  const file = settingsFile(plant);
  const folder = join(dirname(file), 'certificates');
  const run = (...args: string[]) => runByHand(certs, [...args, '--config', file]);
  const states = () => readTrustFolder(folder).certificates.map(({ state }) => state);
  return { folder, run, states };
}

describe('certs', () => {
  test('lists what servers presented, with all that one compares, and our own', async () => {
    const { folder, run } = place();
    expect((await run('list')).said).toEqual([`nothing in ${folder} yet: the agent makes its own when it starts`]);
    const { certificate } = await make({
      name: 'Plant server',
      uri: 'urn:plant:server',
      dns: ['plc'],
      toDays: -1,
      fromDays: -9,
    });
    keepUnknown(folder, certificate, 'opc.tcp://plc:4840', new Date('2026-11-27T12:00:00Z'));
    await openOwn(folder, new Date());
    const { said } = await run('list');
    expect(said.slice(0, 5)).toEqual([
      `unknown: ${fingerprintOf(certificate).slice(0, 12)}  CN=Plant server`,
      `  SHA-256  ${certificate.fingerprint256}`,
      '  names    URI:urn:plant:server, DNS:plc',
      expect.stringMatching(/^ {2}valid {4}\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d, expired$/),
      '  from     opc.tcp://plc:4840, first on 2026-11-27T12:00:00.000Z',
    ]);
    expect(said.at(-5)).toMatch(/^own: [0-9a-f]{12} {2}CN=Fieldline@/);
    expect(said.at(-1)).toMatch(/client_certificate\.pem: servers must trust it$/);
  });

  test('trusts and rejects one by the first digits of its fingerprint, with or without colons', async () => {
    const { folder, run, states } = place();
    const { certificate } = await make();
    keepUnknown(folder, certificate, 'opc.tcp://plc:4840', new Date());
    const name = `CN=Server (SHA-256 ${certificate.fingerprint256})`;
    expect((await run('trust', certificate.fingerprint256.slice(0, 8))).said).toEqual([
      `trusted from the next attempt to connect on: ${name}`,
    ]);
    expect(states()).toEqual(['trusted']);
    expect((await run('trust', fingerprintOf(certificate))).said).toEqual([`is trusted already: ${name}`]);
    await run('reject', fingerprintOf(certificate).slice(0, 6));
    expect(states()).toEqual(['rejected']);
    const [kept] = readTrustFolder(folder).certificates;
    expect(kept?.presented?.by).toBe('opc.tcp://plc:4840');
    await run('trust', fingerprintOf(certificate).slice(0, 4));
    expect(states()).toEqual(['trusted']);
  });

  test('takes over the certificate of an authority and its revocation list from files', async () => {
    const { folder, run, states } = place();
    const authority = await make({ name: 'Works', isAuthority: true });
    expect((await run('trust', authority.file)).said[0]).toMatch(
      /an authority: its servers need its revocation list too$/,
    );
    expect(states()).toEqual(['trusted']);
    for (const revoked of [[], [await make({ by: authority })]]) {
      const { said } = await run('trust', await revocationListOf(authority, revoked));
      expect(said[0]).toMatch(/^revocation list of CN=Works taken over, in force until 20/);
    }
    expect(readTrustFolder(folder).revocationLists).toHaveLength(1);
    expect((await run('list')).said.join('\n')).toMatch(
      /trusted, authority: .*CN=Works[\s\S]*revocation list of CN=Works, from/,
    );
  });

  test('says of one that is trusted and was revoked that it is refused all the same', async () => {
    const { run } = place();
    const authority = await make({ name: 'Works', isAuthority: true });
    const server = await make({ by: authority });
    for (const file of [authority.file, server.file, await revocationListOf(authority, [server])])
      await run('trust', file);
    expect((await run('list')).said).toContainEqual(
      expect.stringMatching(/^trusted, but revoked, so refused: .*Server/),
    );
    expect((await run('trust', fingerprintOf(server.certificate))).said).toEqual([
      expect.stringMatching(/^is trusted already: /),
      'it was revoked by its authority, so it is refused all the same: renew it there',
    ]);
  });

  test('names a file in the folder that is nothing of the kind, and goes on with the others', async () => {
    const { folder, run } = place();
    const { file } = await make();
    await run('trust', file);
    writeFileSync(join(folder, 'trusted/certs/notes.txt'), 'bought in May');
    const { said } = await run('list');
    expect(said[0]).toMatch(/^trusted: /);
    expect(said.at(-1)).toMatch(/^unreadable: .*notes\.txt is no certificate and no revocation list$/);
  });

  test('says what is wrong with its words, and changes nothing', async () => {
    const { folder, run } = place();
    const { certificate } = await make();
    keepUnknown(folder, certificate, 'opc.tcp://plc:4840', new Date());
    const digits = fingerprintOf(certificate);
    const other = `${digits.startsWith('f') ? 'e' : 'f'}${digits.slice(1, 8)}`;
    const text = join(temporaryFolder(), 'text.pem');
    writeFileSync(text, 'no certificate');
    for (const [args, code, sentence] of [
      [[], 'arguments/invalid', /^list, trust or reject is missing/],
      [['trst', 'ab'], 'arguments/invalid', /^there is no certs trst\. Did you mean certs trust\?/],
      [['trust'], 'arguments/invalid', /^certs trust needs the first digits of a fingerprint/],
      [['trust', digits.slice(0, 3)], 'arguments/invalid', /is too short: state at least 4 digits/],
      [['reject', other], 'arguments/unknown', /^no certificate in .* has a fingerprint that begins with/],
      [['trust', './no-such.pem'], 'settings/unreadable', /^cannot read \.\/no-such\.pem: there is no such file/],
      [['trust', text], 'settings/unreadable', /is neither a certificate nor a revocation list, in PEM or DER$/],
    ] as const) {
      const { thrown } = await run(...args);
      expect(thrown).toMatchObject({ code, message: expect.stringMatching(sentence) });
    }
    expect(existsSync(join(folder, 'trusted'))).toBe(false);
  });
});
