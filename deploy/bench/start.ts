/**
 * `npm start` from the command to the first live value, as a person at the terminal has it: in a fresh data folder, and again
 * in the same one. What is installed stays installed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ingestSchema, loadConfig } from '@fieldline/shared/config';
import { freePort } from '@fieldline/shared/testing/free-port';
import { reapServer } from '@fieldline/shared/testing/reaper';
import { waitFor } from '@fieldline/shared/testing/wait-for';
import { z } from 'zod';
import { sumOf } from '../demo/live.ts';
import type { Benchmark, BenchmarkContext, Figure } from './benchmark.ts';

const mostSeconds = 20;
const waitMs = 90_000;

type Start = { readonly toRow: number; readonly toValue: number; readonly toPage: number };

async function run({ root, folder, signal, say }: BenchmarkContext): Promise<Figure[]> {
  const dataFolder = join(folder, 'data');
  const fresh = await startOnce(root, dataFolder, signal);
  say('fresh data folder: measured');
  const again = await startOnce(root, dataFolder, signal);
  return [...figuresOf('fresh data folder', fresh), ...figuresOf('second start', again)];
}

const figuresOf = (name: string, { toRow, toValue, toPage }: Start): Figure[] => [
  {
    name: `${name}: first live value over the API`,
    value: toValue,
    unit: 's',
    target: { atMost: mostSeconds },
    note: 'sampled after the command was given',
  },
  { name: '… first row stored', value: toRow, unit: 's' },
  { name: '… the page answers', value: toPage, unit: 's' },
];

async function startOnce(root: string, dataFolder: string, signal: AbortSignal): Promise<Start> {
  const port = await freePort();
  const settings = join(dataFolder, 'settings', 'ingest.yaml');
  const before = existsSync(settings) ? readFileSync(settings, 'utf8') : null;
  const commandMs = Date.now();
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    ['deploy/bootstrap.mjs', 'node', 'deploy/demo/main.ts', '--data', dataFolder, '--port', String(port)],
    {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
      signal,
    },
  );
  child.once('error', () => {});
  reapServer(child, 'TERM');
  const since = async (what: string, condition: () => Promise<boolean>): Promise<number> => {
    await waitFor(
      async () => {
        if (child.exitCode !== null) return true;
        return condition();
      },
      { timeoutMs: waitMs, what },
    );
    if (child.exitCode !== null) throw new Error(`npm start ended with exit code ${child.exitCode}`);
    return (performance.now() - startedAt) / 1_000;
  };
  try {
    const toRow = since('the first row', async () => {
      // Written anew by each start, with the port of this one.
      if (!existsSync(settings) || readFileSync(settings, 'utf8') === before) return false;
      const { http } = loadConfig(ingestSchema, settings);
      return (
        (sumOf(await text(`http://127.0.0.1:${http.port}/metrics`), 'fieldline_processor_samples_stored_total') ?? 0) >
        0
      );
    });
    const toPage = since('the page', async () => (await text(`http://127.0.0.1:${port}/`)) !== '');
    const toValue = since('the first live value', async () =>
      hasValueSince(await text(`http://127.0.0.1:${port}/api/v1/latest`), commandMs),
    );
    const [row, page, value] = await Promise.all([toRow, toPage, toValue]);
    return { toRow: row, toPage: page, toValue: value };
  } finally {
    await end(child);
  }
}

const latestSchema = z.looseObject({ items: z.array(z.looseObject({ time: z.iso.datetime() })) });

function hasValueSince(answer: string, commandMs: number): boolean {
  return answer !== '' && latestSchema.parse(JSON.parse(answer)).items.some(({ time }) => Date.parse(time) > commandMs);
}

async function text(address: string): Promise<string> {
  const response = await fetch(address, { signal: AbortSignal.timeout(2_000) });
  return response.ok ? response.text() : '';
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
}

export const start: Benchmark = { name: 'start', what: 'npm start to the first live value', run };
