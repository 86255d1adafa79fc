/**
 * The processor as a process of its own. It is held at the moment when it asks the database where to begin: assigned, idle,
 * nothing fetched. From there on until the last row is committed is measured; its start is not.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackboneConfig } from '@fieldline/shared/config';
import { freePort } from '@fieldline/shared/testing/free-port';
import { reapServer } from '@fieldline/shared/testing/reaper';
import { waitFor } from '@fieldline/shared/testing/wait-for';
import pg from 'pg';
import { type BenchServer, withClient } from './database-server.ts';
import { usageOf } from './machine.ts';

export type Drained = { readonly seconds: number; readonly cpuSeconds: number; readonly mostBytes: number };

const startMs = 30_000;
const drainMs = 120_000;

export async function drainBacklog(
  server: BenchServer,
  run: {
    readonly backbone: BackboneConfig;
    readonly brokerUrl: string;
    readonly rows: number;
    readonly root: string;
    readonly folder: string;
  },
): Promise<Drained> {
  const database = await server.migrated();
  const { url } = database.config;
  const file = join(run.folder, 'ingest.yaml');
  const settings = {
    mqtt: { broker: run.brokerUrl },
    backbone: run.backbone,
    database: { url },
    http: { port: await freePort() },
  };
  writeFileSync(file, JSON.stringify(settings));
  const gate = new pg.Client({ connectionString: url });
  await gate.connect();
  await gate.query('BEGIN; LOCK TABLE fieldline.source_offset IN ACCESS EXCLUSIVE MODE');
  const child = spawn(process.execPath, [join(run.root, 'cloud-ingest/src/main.ts'), 'processor', '--config', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  reapServer(child);
  const pid = child.pid ?? 0;
  try {
    return await withClient(url, async (client) => {
      await waitFor(async () => (await client.query(waiting)).rowCount, {
        timeoutMs: startMs,
        what: 'the processor to ask for its offsets',
      });
      const before = usageOf(pid);
      const startedAt = performance.now();
      await gate.query('COMMIT');
      await waitFor(
        async () =>
          Number((await client.query('SELECT sum(stored) AS stored FROM stream')).rows[0]?.stored) >= run.rows,
        {
          timeoutMs: drainMs,
          what: `${run.rows} rows`,
        },
      );
      const seconds = (performance.now() - startedAt) / 1_000;
      return { seconds, cpuSeconds: usageOf(pid).cpuSeconds - before.cpuSeconds, mostBytes: mostResident(pid) };
    });
  } finally {
    await gate.end();
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'close');
    }
    await database.drop();
  }
}

const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM source_offset%'`;

const mostResident = (pid: number): number =>
  1024 * Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
