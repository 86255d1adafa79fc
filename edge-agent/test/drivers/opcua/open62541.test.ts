import type { Tag, Value, ValueType } from '@fieldline/shared/contracts';
import { describeWith, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import * as browse from '../../../src/commands/browse/command.ts';
import * as discover from '../../../src/commands/discover/command.ts';
import * as limits from '../../../src/commands/limits/command.ts';
import { addTrusted } from '../../../src/drivers/opcua/trust/trust-folder.ts';
import { runByHand } from '../../commands/run-by-hand.ts';
import { type Rig, tagOf, trouble, useRigs } from './harness.ts';
import { make } from './made-certificates.ts';
import { open62541, operator, passwordFile, useOpen62541 } from './peers/open62541.ts';
import { scalarCases } from './scalar-cases.ts';

const rigFor = useRigs();
const { serverWith, trusting, certificate } = useOpen62541();

const tags = [tagOf('counter')];
const counts = (rig: Rig): Promise<unknown> =>
  waitFor(() => rig.of('counter').filter(({ value }) => value !== null).length > 3, { what: 'the counter' });
const ten = Array.from({ length: 10 }, (_, n) => `value${n}`);
/** Smaller than what a server says of itself at once, and than the tags. */
const small = { nodesPerRead: 5, itemsPerCall: 7 };
const node = (name: string): string => `nsu=urn:plant;s=${name}`;
const cells = (line: string): string[] => line.trim().split(/ {2,}/);

const axis = '{"Position":1.25,"Steps":"9007199254740993","State":"Running"}';
const main = '{"Position":-2.5,"Steps":-1,"State":"Off"}';

type Case = readonly [name: string, type: ValueType, value: Value, element?: string];
const values: Case[] = [
  ...scalarCases,
  ['range', 'string', '{"Low":-1,"High":2}'],
  ['longs', 'string', '[1,"9007199254740993"]'],
  ['longs', 'int64', 2n ** 53n + 1n, '[1]'],
  ['matrix', 'string', '[[1,2,3],[4,5,6]]'],
  ['matrix', 'int32', 6, '[1][2]'],
  ['state', 'string', 'Running'],
  ['state', 'int32', 1],
  ['axis', 'string', axis],
  ['machine', 'string', `{"Name":"press","Axes":[${axis},${main}],"Main":${main},"Speed":7}`],
  ['machine', 'int64', 2n ** 53n + 1n, 'Axes[0].Steps'],
];

describeWith(open62541, 'a server of open62541', () => {
  describe('and its security', () => {
    test('refuses us until it trusts our certificate, and is refused until we trust its own', async () => {
      const server = await serverWith();
      const rig = rigFor({ endpoint: server.endpoint, security: undefined, ...operator, tags });
      expect(await trouble(rig, /not trusted/)).toContain(`SHA-256 ${certificate().fingerprint256}`);
      addTrusted(rig.certificateFolder, certificate());
      await trouble(rig, /on the server, trust the certificate .*client_certificate/);
      await server.tell('trust');
      await counts(rig);
      expect(rig.driver.status()).toMatchObject([{ state: 'connected', trouble: null }]);
      expect(rig.driver.note?.()).toBe(
        `${server.endpoint}: Aes256Sha256RsaPss/SignAndEncrypt, the strongest it offers`,
      );
    });

    test.each(['Basic256Sha256', 'Aes128Sha256RsaOaep', 'Aes256Sha256RsaPss'] as const)(
      'speaks %s, signed and encrypted',
      async (policy) => {
        const server = await serverWith();
        for (const mode of ['Sign', 'SignAndEncrypt'] as const) {
          const rig = await trusting(server, { security: { policy, mode }, tags });
          await counts(rig);
          expect(rig.driver.note?.()).toBe(`${server.endpoint}: ${policy}/${mode}`);
        }
      },
    );

    test('lets a user in by certificate', async () => {
      const { file, keyFile } = await make({ name: 'operator' });
      const user = { username: undefined, passwordFile: undefined, userCertificateFile: file, userKeyFile: keyFile };
      await counts(await trusting(await serverWith(), { tags, ...user }));
    });

    test('refuses a wrong password, and nobody in particular', async () => {
      const server = await serverWith();
      const wrong = await trusting(server, { tags, passwordFile: passwordFile('wrong') });
      await trouble(wrong, /refused the user operator/);
      const nobody = rigFor({ endpoint: server.endpoint, security: undefined, tags });
      await trouble(nobody, /lets no anonymous user in: set username and passwordFile/);
    });
  });

  test('gives values of all types exactly', async () => {
    const tagFor = ([name, type, , element]: Case, position: number) => ({
      ...tagOf(`tag${position}`, type, node(name)),
      element,
    });
    const rig = await trusting(await serverWith(), { tags: values.map(tagFor) });
    const seen = await Promise.all(
      values.map(async ([name, type, , ...element], position) => {
        const { value } = await rig.turns(`tag${position}`, 'good');
        return [name, type, value, ...element];
      }),
    );
    expect(seen).toEqual(values);
  });

  test('takes five nodes a read and seven items a call: all tags are read, and a bad one stops no other', async () => {
    const byPath = { tag: 'by-path', path: 'counter' };
    const rig = await trusting(await serverWith(small), {
      namespace: 'urn:plant',
      tags: [...[...ten, 'missing'].map((name) => tagOf(name)), byPath],
    });
    for (const name of [...ten, 'by-path']) await rig.turns(name, 'good');
    await rig.turns('missing', 'bad/address');
    expect(await rig.metric('fieldline_opcua_refused_items')).toBe(1);
  });

  test.each([
    ['an absolute deadband', { deadband: 4 }, 5],
    ['a deadband in percent of the range of the node', { deadbandPercent: 1 }, 11],
  ] as const)('holds changes back by %s', async (_name, deadband, least) => {
    const stated = { ...tagOf('counter'), ...deadband, deadbandAt: 'server' as const };
    const rig = await trusting(await serverWith(), { samplingMs: 0, queueSize: 100, tags: [stated] });
    const numbers = await waitFor(
      () => {
        const seen = rig.of('counter').flatMap(({ value }) => (value === null ? [] : Number(value)));
        return seen.length > 3 && seen;
      },
      { what: 'three changes' },
    );
    const steps = numbers.slice(1).map((number, position) => number - (numbers[position] ?? 0));
    expect(steps).toEqual(steps.map(() => least));
    expect(rig.driver.note?.()).not.toContain('does not filter');
  });

  test('takes a value within its limits, refuses one beyond, and answers a call', async () => {
    const write = { min: -1e6, max: 1e6 };
    const wide = { min: '-9223372036854775808', max: '9223372036854775807' };
    const inputs = [
      { name: 'amount', type: 'uint16' as const, min: 0, max: 1_000 },
      { name: 'note', type: 'string' as const },
    ];
    const rig = await trusting(await serverWith(), {
      tags: [
        { ...tagOf('setpoint'), write },
        { ...tagOf('Int64', 'int64'), write: wide },
      ],
      calls: [{ tag: 'fill', object: 'i=85', method: node('fill'), inputs }],
    });
    await rig.sees('setpoint', 20);
    const { writer } = rig.driver;
    const tag = (name: string): Tag => rig.driver.tags.find((each) => each.tag === name) as Tag;
    const put = (name: string, value: Value) => writer?.write(tag(name), { value, permit: () => null });
    expect(await put('setpoint', 99.5)).toMatchObject({ kind: 'accepted', before: 20, written: 99.5 });
    const message = expect.stringContaining('BadOutOfRange');
    expect(await put('setpoint', 100.5)).toMatchObject({ kind: 'rejected', problem: { message } });
    expect((await writer?.read(tag('setpoint')))?.value).toBe(99.5);
    expect(await put('Int64', 2n ** 53n + 1n)).toMatchObject({ kind: 'accepted', written: 2n ** 53n + 1n });
    const called = await writer?.call?.(tag('fill'), { inputs: [500, 'läuft'], permit: () => null });
    expect(called).toEqual({ kind: 'accepted', problem: null, outputs: '{"twice":1000,"noted":"läuft"}' });
  });

  test('that knows no conditions gives its events all the same, and what its queue had no room for is declared', async () => {
    const server = await serverWith();
    const events = { minSeverity: 100, queueSize: 5 };
    const rig = await trusting(server, { tags: [{ ...tagOf('events', 'string', 'i=2253'), events }] });
    const eventsOf = () =>
      rig.of('events').flatMap(({ time, value }) => (value === null ? [] : { time, ...JSON.parse(String(value)) }));
    await waitFor(
      async () => {
        await server.tell('events 1');
        return eventsOf().length > 0;
      },
      { what: 'an event' },
    );
    const [first] = eventsOf();
    expect(first).toEqual({
      time: expect.any(Number),
      EventId: expect.any(String),
      EventType: 'BaseEventType',
      SourceName: 'Server',
      Message: '1',
      Severity: 500,
    });
    await server.tell('events 20');
    await waitFor(() => rig.declared.length > 0, { what: 'a declaration' });
    const kept = eventsOf().find(({ Message }) => Message === '16');
    const lost = { kind: 'series', tag: 'events', reason: 'source-overflow', to: kept?.time };
    expect(rig.declared).toMatchObject([lost]);
  });

  test('is shown by discover, browse and limits', async () => {
    const server = await serverWith(small);
    const { said } = await runByHand(discover, [server.endpoint]);
    expect(said.slice(0, 2).map(cells)).toEqual([
      ['ENDPOINT', 'SECURITY', 'USERS', 'TAKEN FOR'],
      [server.endpoint, 'Basic256Sha256/Sign', 'certificate, password'],
    ]);
    const strongest = ['Aes256Sha256RsaPss/SignAndEncrypt', 'certificate, password', 'password, certificate'];
    expect(cells(said[6] ?? '').slice(1)).toEqual(strongest);
    const folder = temporaryFolder();
    const login = ['--username', 'operator', '--password-file', operator.passwordFile, '--certificates', folder];
    addTrusted(folder, certificate());
    expect(String((await runByHand(browse, [server.endpoint, ...login])).thrown)).toContain('on the server, trust');
    await server.tell('trust');
    const browsed = await runByHand(browse, [server.endpoint, ...login, '--values']);
    for (const line of [
      ['Int64', 'variable', 'int64', node('Int64'), '-9007199254740993'],
      ['longs', 'variable', 'int64', node('longs'), '[1,"9007199254740993"]'],
      ['fill', 'method', node('fill')],
    ])
      expect(browsed.said.map(cells)).toContainEqual(line);
    const measured = await runByHand(limits, [server.endpoint, ...login, '--node', node('counter'), '--most', '50']);
    for (const line of [
      ['nodes per read', '5', '5'],
      ['items per call', '7', '7'],
      ['percent deadband', 'yes'],
      ['history of the node', expect.stringMatching(/^kept/)],
      ['transfer', 'yes'],
    ])
      expect(measured.said.map(cells)).toContainEqual(line);
  });
});
