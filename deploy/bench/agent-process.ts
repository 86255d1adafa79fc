import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { EdgeConfig } from '@fieldline/shared/config';
import type { Micros } from '@fieldline/shared/contracts';
import { systemClock } from '@fieldline/shared/runtime';
import { freePort } from '@fieldline/shared/testing/free-port';
import { reapServer } from '@fieldline/shared/testing/reaper';
import { stringify } from 'yaml';

export type AgentForm = {
  readonly name: string;
  readonly program: string;
  /** Of compiled code. */
  readonly cache: string;
  /** Of Node, before the program. */
  readonly nodeOptions?: readonly string[];
};

export type AgentProcess = {
  readonly pid: number;
  /** When it was begun, with its settings written. */
  readonly spawnedAt: Micros;
  /** Of its metrics. */
  readonly httpPort: number;
  readonly stop: () => Promise<void>;
};

/** With a journal of its own in `folder`. */
export async function startAgentProcess(form: AgentForm, config: EdgeConfig, folder: string): Promise<AgentProcess> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'edge.yaml');
  const httpPort = await freePort();
  const own = {
    ...config,
    journal: { ...config.journal, folder: join(folder, 'journal') },
    http: { ...config.http, port: httpPort },
  };
  writeFileSync(file, stringify(own));
  const spawnedAt = systemClock.now();
  const child = spawn(process.execPath, [...(form.nodeOptions ?? []), form.program, 'run', '--config', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // As the systemd unit has it.
    env: { ...process.env, NODE_COMPILE_CACHE: form.cache, MALLOC_ARENA_MAX: '2' },
  });
  tellTrouble(child);
  reapServer(child);
  return { pid: child.pid ?? 0, spawnedAt, httpPort, stop: () => end(child) };
}

/** What it says on its way to its end is of use; what an inspector says each time that it is asked is not. */
function tellTrouble({ stderr }: ChildProcess): void {
  if (stderr === null) return;
  createInterface(stderr).on('line', (line) => {
    if (!/^(Debugger |For help, see: )/.test(line)) process.stderr.write(`${line}\n`);
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
}
