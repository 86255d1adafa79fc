/** A role of fieldline-ingest as a process of its own, as it is run in earnest. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackboneConfig } from '@fieldline/shared/config';
import { freePort } from '@fieldline/shared/testing/free-port';
import { reapServer } from '@fieldline/shared/testing/reaper';
import { sumOf } from '../../demo/live.ts';
import { type Usage, usageOf } from '../machine.ts';

export type IngestProcess = {
  readonly usage: () => Usage;
  /** The most that was ever resident. */
  readonly mostBytes: () => number;
  /** Sum of a metric over its labels; 0 where it is not there yet. */
  readonly metric: (name: string) => Promise<number>;
  readonly stop: () => Promise<void>;
};

export type IngestOptions = {
  readonly root: string;
  readonly folder: string;
  readonly role: 'bridge' | 'processor' | 'api';
  readonly settings: {
    readonly mqtt: { readonly broker: string; readonly window?: number; readonly windowBytes?: number };
    readonly backbone: BackboneConfig;
    readonly database: { readonly url: string };
    readonly api?: { readonly port: number };
  };
  /** A file of `swap/`: parts of the program that are replaced, to measure it without them. */
  readonly swap?: URL;
};

export async function startIngest({ root, folder, role, settings, swap }: IngestOptions): Promise<IngestProcess> {
  const file = join(folder, `${role}.yaml`);
  const port = await freePort();
  writeFileSync(file, JSON.stringify({ ...settings, http: { port }, log: { level: 'warn' } }));
  const child = spawn(
    process.execPath,
    [
      ...(swap === undefined ? [] : ['--import', swap.href]),
      join(root, 'cloud-ingest/src/main.ts'),
      role,
      '--config',
      file,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  reapServer(child);
  const pid = child.pid ?? 0;
  return {
    usage: () => usageOf(pid),
    mostBytes: () => 1_024 * Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]),
    metric: async (name) => {
      if (child.exitCode !== null) throw new Error(`the ${role} ended with exit code ${child.exitCode}`);
      const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(5_000) }).catch(
        (error: unknown) => {
          throw new Error(`the ${role} does not answer`, { cause: error });
        },
      );
      return sumOf(await response.text(), name) ?? 0;
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, 'close');
      child.kill('SIGTERM');
      await closed;
    },
  };
}
