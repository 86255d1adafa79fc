import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import {
  describeWith,
  freePort,
  kafka,
  mosquitto,
  requirePostgres,
  temporaryFolder,
  waitFor,
} from '@fieldline/shared/testing';
import { reapServer } from '@fieldline/shared/testing/reaper';
import { describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../../demo/main.ts', import.meta.url));

type Run = { child: ChildProcess; said: () => string; done: Promise<number | null> };

async function start(dataFolder: string, ...options: string[]): Promise<Run> {
  const args = [main, '--data', dataFolder, '--port', String(await freePort()), ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  reapServer(child, 'TERM');
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  return { child, said: () => said, done: new Promise((resolve) => child.once('close', resolve)) };
}

/** The newest live line's number of samples stored. */
const stored = (run: Run): number => {
  const counts = [...run.said().matchAll(/stored ([\d,]+) ·/g)].map(([, count = '']) =>
    Number(count.replaceAll(',', '')),
  );
  return counts.at(-1) ?? 0;
};

/** Of the child process of the run that is this program. */
function pidOf(run: Run, program: string): number {
  const processes = execFileSync('ps', ['-A', '-o', 'ppid=,pid=,args='], { encoding: 'utf8' });
  const own = new RegExp(`^ *${run.child.pid} +(\\d+) .*${program}/src/main`, 'm').exec(processes);
  return Number(own?.[1]);
}

const totalStored = (run: Run): number => Number(/^ {2}stored +([\d,]+)$/m.exec(run.said())?.[1]?.replaceAll(',', ''));

describe('npm start', () => {
  test('carries values to rows, survives a killed agent, stops on Ctrl-C, goes on from there, and its balance closes', async () => {
    const folder = temporaryFolder();
    const first = await start(folder);
    await waitFor(() => stored(first) > 0, { timeoutMs: 60_000, what: 'the first rows' });
    process.kill(pidOf(first, 'edge-agent'), 'SIGKILL');
    await waitFor(() => /agent ended \(SIGKILL\) and is started again/.test(first.said()), { what: 'the notice' });
    const before = stored(first);
    await waitFor(() => stored(first) > before, {
      timeoutMs: 60_000,
      what: 'rows of the agent that was started again',
    });
    // As a terminal does: Ctrl-C goes to the whole process group.
    process.kill(-(first.child.pid ?? 0), 'SIGINT');
    expect(await first.done, first.said()).toBe(0);
    expect(first.said().match(/is started again/g)).toHaveLength(1);

    const second = await start(folder, '--for', '6s');
    expect(await second.done, second.said()).toBe(0);
    expect(second.said()).toContain('The balance closes');
    expect(totalStored(second)).toBeGreaterThan(before);
  }, 180_000);

  test('a port of the page that another program has is told with the option that gives another', async () => {
    const other = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    const run = await start(temporaryFolder(), '--port', String(port));
    expect(await run.done).toBe(1);
    expect(run.said()).toContain(
      `port/in-use: port ${port} on 127.0.0.1 is in use by another program: stop that one or set another port: npm start -- --port ${port + 1}`,
    );
    other.close();
  });

  test('two on one data folder get in nobody’s way: the second is refused', async () => {
    const folder = temporaryFolder();
    const first = await start(folder);
    await waitFor(() => first.said().includes('page'), { timeoutMs: 60_000, what: 'the first to be up' });
    const second = await start(folder);
    expect(await second.done).toBe(1);
    expect(second.said()).toMatch(/another run \(process \d+\) uses/);
    first.child.kill('SIGTERM');
    expect(await first.done).toBe(0);
  }, 120_000);
});

describeWith([mosquitto, kafka], 'npm start with real parts', () => {
  test('runs on Mosquitto, Kafka and another PostgreSQL, and its balance closes', async () => {
    const [broker, brokers] = [await mosquitto.start(), await kafka.brokers()];
    const database = await (await requirePostgres()).createDatabase();
    const options = ['--broker', broker.url, '--kafka', brokers.join(','), '--database', database.url];
    const run = await start(temporaryFolder(), '--for', '8s', ...options);
    expect(await run.done, run.said()).toBe(0);
    expect(run.said()).toContain('The balance closes');
    await broker.close();
    await database.drop();
  }, 120_000);

  test('a password that is refused ends it with what to do', async () => {
    const database = await (await requirePostgres()).createDatabase();
    const wrong = new URL(database.url);
    wrong.password = 'wrong';
    const run = await start(temporaryFolder(), '--database', wrong.href);
    expect(await run.done).toBe(1);
    expect(run.said()).toMatch(/database\/refused: --database: .*check user and password/);
    await database.drop();
  }, 60_000);
});
