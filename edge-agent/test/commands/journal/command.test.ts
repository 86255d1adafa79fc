import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { canReach, unprivilegedUser } from '@fieldline/shared/testing/unprivileged-user';
import { describe, expect, it } from 'vitest';
import { contentOf, imageOf, segmentFiles } from '../../helpers/folder.ts';
import { openJournal, samplesOf, testGateway } from '../../helpers/journal.ts';

const program = new URL('../../../src/main.ts', import.meta.url).pathname;
const user = unprivilegedUser();

type Ended = { readonly code: number; readonly out: string; readonly error: string };

const runAs = (who: typeof user, ...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, [program, 'journal', ...args], { ...who, encoding: 'utf8' }, (failure, out, error) => {
      resolve({ code: typeof failure?.code === 'number' ? failure.code : 0, out, error });
    });
  });
const run = (...args: string[]): Promise<Ended> => runAs(undefined, ...args);

function settingsFile(devicePort: number, folder = './journal'): string {
  const file = join(temporaryFolder(), 'edge.yaml');
  writeFileSync(
    file,
    `
gateway: ${testGateway}
uplink: { broker: 'mqtt://127.0.0.1:1' }
journal: { flushMs: 50, folder: '${folder}' }
http: { port: 0 }
devices:
  - device: plc1
    protocol: modbus
    link: { kind: tcp, host: 127.0.0.1, port: ${devicePort} }
    everyMs: 100
    tags: [{ tag: level, address: 0 }]
`,
  );
  return file;
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
}

describe('fieldline-edge journal', () => {
  it('explains itself', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('journal export --config') });
  });

  it.each([
    [[]],
    [['burn']],
    [['status']],
    [['status', '--config', 'a', 'b']],
    [['status', '--folder', 'a', '--config', 'b']],
    [['status', '--folder', 'a', '--out', 'b']],
    [['verify', '--folder', 'a', '--json']],
    [['export', '--folder', 'a']],
    [['export', '--folder', 'a', '--out', 'a/b']],
    [['export', '--folder', 'a', '--out', 'b', '--format', 'xml']],
    [['export', '--folder', 'a', '--out', 'b', '--from', 'noon']],
    [['verify', '--colour', 'red']],
  ])('ends with 2 when used as %j', async (args) => {
    const { code, error } = await run(...args);
    expect(code).toBe(2);
    expect(error).toMatch(/^arguments\/invalid: /);
    expect(error).toContain('Usage:');
  });

  it('looks into the journal of an agent that runs, and of one that was killed', async () => {
    const config = settingsFile(await freePort());
    expect(await run('status', '--config', config)).toMatchObject({
      code: 1,
      error: expect.stringContaining('does not exist: name the one'),
    });
    const agent = spawn(process.execPath, [program, 'run', '--config', config], { stdio: 'ignore' });
    try {
      const status = await waitFor(async () => {
        const { code, out } = await run('status', '--config', config, '--json');
        if (code !== 0) return false;
        const found = JSON.parse(out);
        return found.total.samples > 0 && found;
      });
      expect(status).toMatchObject({ agentRuns: true, gateways: [testGateway], troubles: [] });
      expect(status.bounds).toMatchObject({ maxBytes: 2 * 1024 ** 3 });
      expect(await run('verify', '--config', config)).toMatchObject({
        code: 0,
        out: expect.stringContaining('all is well'),
      });
      expect(agent.exitCode).toBeNull();
    } finally {
      await stop(agent);
    }
    const out = join(temporaryFolder(), 'card.csv');
    expect(await run('export', '--config', config, '--out', out)).toMatchObject({ code: 0, error: '' });
    expect(readFileSync(out, 'utf8')).toContain('plc1,level,uint16,');
    expect(await run('status', '--config', config)).toMatchObject({
      out: expect.stringContaining('no agent is seen on it'),
    });
  });

  it('ends with 1 and what to do where there is no such folder, and where it is empty, save for status', async () => {
    const folder = temporaryFolder();
    for (const args of [['status'], ['status', '--json'], ['verify']]) {
      const { code, out, error } = await run(...args, '--folder', join(folder, 'none'));
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(error).toMatch(
        /^journal\/unreadable: .*none does not exist: name the one that .*, or start the agent, which makes it\n$/,
      );
    }
    const none = `there is no journal in ${folder}: no agent has written there yet`;
    expect(await run('status', '--folder', folder)).toMatchObject({ code: 0, out: expect.stringContaining(none) });
    for (const args of [['verify'], ['export', '--out', join(temporaryFolder(), 'out')]]) {
      expect(await run(...args, '--folder', folder)).toMatchObject({
        code: 1,
        out: '',
        error: expect.stringContaining(`journal/unreadable: ${none}`),
      });
    }
  });

  it('ends with 1 and a line for each trouble', async () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder, { segmentBytes: 20_000 });
    for (let round = 0; round < 3; round++) {
      journal.record(samplesOf(1_500), 0);
      journal.flush();
    }
    journal.close();
    rmSync(join(folder, segmentFiles(folder)[1] ?? ''));
    const { code, out, error } = await run('verify', '--folder', folder);
    expect(code).toBe(1);
    expect(out).toMatch(/^stream .* a file is gone or damaged; the next start of the agent declares it as lost$/m);
    expect(error).toBe('journal/damaged: 1 trouble: what to do is said above\n');
  });

  it('ends with 0 beside a damaged file that the agent has done with', async () => {
    const folder = temporaryFolder();
    openJournal(folder).close();
    writeFileSync(join(folder, segmentFiles(folder)[0] ?? ''), 'not a database');
    expect(await run('verify', '--folder', folder)).toMatchObject({ code: 1 });
    openJournal(folder).close();
    const [verified, exported] = [
      await run('verify', '--folder', folder),
      await run('export', '--folder', folder, '--out', join(temporaryFolder(), 'all.ndjson')),
    ];
    expect(verified).toMatchObject({ code: 0, error: '' });
    expect(verified.out).toMatch(/set aside as damaged, and dealt with on .*all is well/s);
    expect(exported).toMatchObject({ code: 0, out: expect.stringMatching(/^not read: .*set aside as damaged/) });
  });
});

const unreachable =
  user === undefined || canReach(user, program.replace(/[^/]*$/, ''))
    ? null
    : 'a checkout that a user without rights can read: it lies in a folder of root';

(unreachable === null ? describe : describe.skip)(
  'fieldline-edge journal, without rights',
  unreachable === null ? {} : { meta: { skipReason: unreachable } },
  () => {
    it('reads a folder in which it may write nothing, as a card that is mounted read-only', async () => {
      const folder = temporaryFolder();
      const journal = openJournal(folder);
      journal.record(samplesOf(9), 0);
      journal.flush();
      const killed = imageOf(folder);
      journal.close();
      chmodSync(killed, 0o555);
      const before = contentOf(killed);
      const out = join(temporaryFolder(user), 'out');
      for (const args of [['status'], ['verify'], ['export', '--out', out]]) {
        expect(await runAs(user, ...args, '--folder', killed)).toMatchObject({ code: 0, error: '' });
      }
      expect(readFileSync(out, 'utf8').trim().split('\n')).toHaveLength(9);
      expect(contentOf(killed)).toEqual(before);
      chmodSync(killed, 0o700);
      if (user === undefined) return;
      expect(await runAs(user, 'status', '--folder', killed)).toMatchObject({
        code: 1,
        error: expect.stringMatching(/^journal\/unreadable: .*as the user of the agent/),
      });
      expect(existsSync(killed)).toBe(true);
    });
  },
);
