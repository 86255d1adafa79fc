import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { readRevocationList } from '../../../src/drivers/opcua/trust/revocation-list.ts';
import { judge, type TrustLists } from '../../../src/drivers/opcua/trust/trust.ts';
import { type Made, make, revocationListOf } from './made-certificates.ts';

const nothing: TrustLists = { trusted: [], issuers: [], rejected: [], revocationLists: [] };

const kindOf = async (chain: readonly Made[], lists: Partial<TrustLists>): Promise<string> => {
  const verdict = await judge(
    chain.map(({ certificate }) => certificate),
    { ...nothing, ...lists },
    new Date(),
  );
  return verdict.kind === 'trusted' ? `trusted by ${verdict.by}` : verdict.kind;
};

const listOf = async (by: Made, revoked: readonly Made[], toDays?: number) =>
  readRevocationList(readFileSync(await revocationListOf(by, revoked, toDays)));

describe('a server that signed its certificate itself', () => {
  let server: Made;
  beforeAll(async () => {
    server = await make();
  });

  test('is unknown until it is trusted, and refused once it is rejected', async () => {
    const { certificate } = server;
    expect(await kindOf([server], {})).toBe('unknown');
    expect(await kindOf([server], { trusted: [certificate] })).toBe('trusted by itself');
    expect(await kindOf([server], { rejected: [certificate] })).toBe('rejected');
    expect(await kindOf([server], { trusted: [certificate], rejected: [certificate] })).toBe('rejected');
  });

  test.each([
    ['expired', { fromDays: -10, toDays: -1 }],
    ['not-yet-valid', { fromDays: 1, toDays: 10 }],
    ['weak', { keyBits: 1024 }],
  ] as const)('is refused when it is %s, although it is trusted', async (kind, settings) => {
    const odd = await make(settings);
    expect(await kindOf([odd], { trusted: [odd.certificate] })).toBe(kind);
  });

  test('vouches for no other one: it is no authority', async () => {
    const forged = await make({ name: 'Forged', by: server });
    expect(await kindOf([forged, server], { trusted: [server.certificate] })).toBe('unknown');
  });
});

describe('a server of an authority', () => {
  let root: Made;
  let works: Made;
  let server: Made;
  beforeAll(async () => {
    root = await make({ name: 'Root', isAuthority: true });
    works = await make({ name: 'Works', by: root, isAuthority: true });
    server = await make({ by: works });
  });

  test('is trusted by the nearest authority that is, with revocation lists up to that one', async () => {
    const [ofRoot, ofWorks] = [await listOf(root, []), await listOf(works, [])];
    const trusted = [root.certificate];
    expect(await kindOf([server, works], {})).toBe('unknown');
    expect(await kindOf([server, works], { trusted, revocationLists: [ofRoot, ofWorks] })).toBe('trusted by authority');
    expect(await kindOf([server, works], { trusted, revocationLists: [ofRoot] })).toBe('no-list');
    expect(await kindOf([server, works], { trusted, revocationLists: [ofWorks] })).toBe('no-list');
    expect(await kindOf([server], { trusted: [works.certificate], revocationLists: [ofWorks] })).toBe(
      'trusted by authority',
    );
  });

  test('whose chain it does not send is completed from the issuers that are known', async () => {
    const revocationLists = [await listOf(root, []), await listOf(works, [])];
    const lists = { trusted: [root.certificate], revocationLists };
    expect(await kindOf([server], lists)).toBe('unknown');
    expect(await kindOf([server], { ...lists, issuers: [works.certificate] })).toBe('trusted by authority');
  });

  test('is refused when it or its authority was revoked, or the list is too old', async () => {
    const trusted = [root.certificate];
    const [ofRoot, ofWorks] = [await listOf(root, []), await listOf(works, [])];
    const chain = [server, works];
    expect(await kindOf(chain, { trusted, revocationLists: [ofRoot, await listOf(works, [server])] })).toBe('revoked');
    expect(await kindOf(chain, { trusted, revocationLists: [await listOf(root, [works]), ofWorks] })).toBe('revoked');
    expect(await kindOf(chain, { trusted, revocationLists: [ofRoot, await listOf(works, [], -1)] })).toBe('old-list');
  });

  test('that is trusted by itself needs no list, but must not stand in one', async () => {
    const trusted = [server.certificate];
    expect(await kindOf([server, works], { trusted })).toBe('trusted by itself');
    expect(await kindOf([server, works], { trusted, revocationLists: [await listOf(works, [server])] })).toBe(
      'revoked',
    );
  });

  test('is refused with all others when the authority was rejected', async () => {
    const lists = { trusted: [root.certificate], revocationLists: [await listOf(root, []), await listOf(works, [])] };
    expect(await kindOf([server, works], { ...lists, rejected: [works.certificate] })).toBe('rejected');
  });

  test('is not revoked by a list that somebody else signed in the name of the authority', async () => {
    const impostor = await make({ name: 'Works', isAuthority: true });
    const lists = { trusted: [works.certificate], revocationLists: [await listOf(works, [])] };
    const forged = await listOf(impostor, [server]);
    expect(await kindOf([server], { ...lists, revocationLists: [...lists.revocationLists, forged] })).toBe(
      'trusted by authority',
    );
  });
});
