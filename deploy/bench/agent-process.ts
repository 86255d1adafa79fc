import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EdgeConfig } from '@fieldline/shared/config';
import { freePort } from '@fieldline/shared/testing/free-port';
import { reapServer } from '@fieldline/shared/testing/reaper';
import { stringify } from 'yaml';

export type AgentForm = {
  readonly name: string;
  readonly program: string;
  /** Of compiled code. */
  readonly cache: string;
};

export type AgentProcess = { readonly pid: number; readonly stop: () => Promise<void> };

/** With a journal of its own in `folder`. */
export async function startAgentProcess(form: AgentForm, config: EdgeConfig, folder: string): Promise<AgentProcess> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'edge.yaml');
  const own = {
    ...config,
    journal: { ...config.journal, folder: join(folder, 'journal') },
    http: { ...config.http, port: await freePort() },
  };
  writeFileSync(file, stringify(own));
  const child = spawn(process.execPath, [form.program, 'run', '--config', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: form.cache },
  });
  reapServer(child);
  return { pid: child.pid ?? 0, stop: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
}
