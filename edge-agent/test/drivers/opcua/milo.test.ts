import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type DeviceSettings, type Rig, tagOf, useRigs } from './harness.ts';
import { type Line, startLine } from './peers/cut-line.ts';
import { type MiloServer, milo, startMilo } from './peers/milo.ts';

const rigFor = useRigs();
const lines: Line[] = [];
afterEach(() => {
  for (const line of lines.splice(0)) line.close();
});

const values = Array.from({ length: 10 }, (_, n) => `value${n}`);
const tags = values.map((name) => tagOf(name));
const strongest = { policy: 'Aes256Sha256RsaPss', mode: 'SignAndEncrypt' } as const;
/** Smaller than what a server says of itself at once, and than the tags. */
const limits = { nodesPerRead: 5, itemsPerCall: 7 };

const troubleOf = (rig: Rig): string => rig.driver.status()[0]?.trouble ?? '';
const troubled = (rig: Rig, pattern: RegExp): Promise<unknown> =>
  waitFor(() => pattern.test(troubleOf(rig)), { what: `the trouble ${pattern}` });

describeWith(milo, 'a strict server of Eclipse Milo', () => {
  let server: MiloServer;
  const folder = temporaryFolder();
  const passwordFile = (password: string): string => {
    const file = join(folder, password);
    writeFileSync(file, password);
    return file;
  };
  const operator = { username: 'operator', passwordFile: passwordFile('secret') };
  beforeAll(async () => {
    server = await startMilo(limits);
  });
  afterAll(() => server.kill());

  /** Each trusts the other, as their operators see to it. */
  const trusting = async (settings: Partial<DeviceSettings> = {}): Promise<Rig> => {
    const rig = rigFor({ endpoint: server.endpoint, security: strongest, ...operator, tags, ...settings });
    const { certificateFolder } = rig;
    await troubled(rig, /certificate of the server is not trusted/);
    for (const name of readdirSync(join(certificateFolder, 'unknown')))
      copyFileSync(join(certificateFolder, 'unknown', name), join(certificateFolder, 'trusted', 'certs', name));
    await troubled(rig, /on the server, trust/);
    await server.tell('trust');
    return rig;
  };

  test('refuses us until it trusts our certificate, and is refused until we trust its own', async () => {
    const rig = await trusting();
    await server.tell('set value3 3.5');
    await rig.sees('value3', 3.5);
    expect(rig.driver.status()).toMatchObject([{ state: 'connected', trouble: null }]);
  });

  test.each(['Basic256Sha256', 'Aes128Sha256RsaOaep', 'Aes256Sha256RsaPss'] as const)(
    'speaks %s, signed and encrypted',
    async (policy) => {
      for (const mode of ['Sign', 'SignAndEncrypt'] as const) {
        const rig = await trusting({ security: { policy, mode }, tags: [tagOf('counter')] });
        await waitFor(() => rig.of('counter').length > 3, { what: 'values of the counter' });
      }
    },
  );

  test('refuses a wrong password, and nobody in particular', async () => {
    const wrong = await trusting({ username: 'operator', passwordFile: passwordFile('wrong') });
    await troubled(wrong, /refused the user operator/);
    const nobody = rigFor({ endpoint: server.endpoint, security: strongest, tags });
    await troubled(nobody, /anonymous/);
  });

  test('takes five nodes a read and seven items a call: all tags are read, and a bad one stops no other', async () => {
    const rig = await trusting({ tags: [...tags, tagOf('missing')] });
    for (const name of values) await rig.turns(name, 'good');
    await rig.turns('missing', 'bad/address');
    expect(await rig.metric('fieldline_opcua_refused_items')).toBe(1);
  });

  test('keeps five values while it has ten: what it threw away is declared, and what came is good', async () => {
    const rig = await trusting({ tags: [tagOf('counter')], samplingMs: 20, publishingMs: 400, queueSize: 5 });
    await waitFor(() => rig.declared.length > 1, { what: 'declarations of loss' });
    expect(rig.declared[0]).toMatchObject({ kind: 'series', tag: 'counter', reason: 'source-overflow' });
    expect(await rig.metric('fieldline_opcua_overflows_total')).toBeGreaterThan(0);
    const counted = rig.of('counter').filter(({ value }) => value !== null);
    expect(counted.every(({ quality }) => quality === 0)).toBe(true);
    // Ten and more numbers are missing where its queue overflowed, and that time is what is declared.
    const holes = counted.flatMap((sample, position) => {
      const before = counted[position - 1];
      const missing = before === undefined ? 0 : Number(sample.value) - Number(before.value) - 1;
      return before === undefined || missing < 10 ? [] : [{ from: before.time, to: sample.time }];
    });
    const isDeclared = ({ from, to }: { from: number; to: number }): boolean =>
      rig.declared.some((each) => each.kind === 'series' && each.from <= from && each.to >= to);
    expect(holes.filter(isDeclared).length).toBeGreaterThan(0);
  });

  test('goes on where a cut line left off: the session is taken over, and no number comes twice or is declared', async () => {
    const line = await startLine(server.port);
    lines.push(line);
    const rig = await trusting({
      endpoint: `opc.tcp://127.0.0.1:${line.port}/plant`,
      tags: [tagOf('counter')],
      samplingMs: 10,
      queueSize: 500,
    });
    await waitFor(() => rig.of('counter').length > 10, { what: 'ten values' });
    for (let round = 1; round <= 3; round++) {
      line.cut();
      await waitFor(async () => (await rig.metric('fieldline_opcua_resumes_total')) === round, {
        what: 'a resumption',
      });
      const { length } = rig.of('counter');
      await waitFor(() => rig.of('counter').length > length + 10, { what: 'ten more values' });
    }
    const numbers = rig.of('counter').flatMap(({ value }) => (value === null ? [] : Number(value)));
    // Its sampling passes over a number where the machine is busy; what it sampled comes once and in order.
    expect(numbers.filter((number, position) => number <= (numbers[position - 1] ?? -1))).toEqual([]);
    expect(rig.declared).toEqual([]);
    expect(await rig.metric('fieldline_opcua_abandoned_sessions_total')).toBe(0);
  });
});
