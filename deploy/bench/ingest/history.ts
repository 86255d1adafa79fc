/** One series of 100, 30 days at 10 s, 1,000 points: asked of the API as the page asks it, over HTTP. */
import { freePort } from '@fieldline/shared/testing/free-port';
import { waitFor } from '@fieldline/shared/testing/wait-for';
import { z } from 'zod';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { quantile } from '../statistics.ts';
import { type FleetShape, rowsPerStep, seriesOf } from './backlog.ts';
import { loadFleet } from './fleet-rows.ts';
import { startIngest } from './ingest-process.ts';
import { settle } from './settle.ts';
import { withServers } from './with-servers.ts';
import { openWriter } from './writer.ts';

const shape: FleetShape = { gateways: 1, tagsPerGateway: 100, readsPerBatch: 10 };
const everySeconds = 10;
const stepSeconds = everySeconds * shape.readsPerBatch;
/** Of 1,000 rows each. */
const stepsPerTransaction = 200;
const points = 1_000;
const daySeconds = 24 * 3_600;
const answerSchema = z.looseObject({ form: z.string(), level: z.string(), timeUs: z.array(z.number()) });

const run = (context: BenchmarkContext): Promise<Figure[]> =>
  withServers(async ({ timescale, add }) => {
    const { root, folder, short, say, signal } = context;
    const days = short ? 5 : 30;
    const steps = (days * daySeconds) / stepSeconds;
    const nowSeconds = Math.floor(Date.now() / 1_000);
    const server = await timescale();
    const { config } = await server.migrated();
    const writer = await openWriter(config);
    add('writer', writer.close);
    const fromMicros = (nowSeconds - days * daySeconds) * 1e6;
    await loadFleet(writer, { shape, steps, fromMicros, stepMicros: stepSeconds * 1e6, stepsPerTransaction, signal });
    const rows = steps * rowsPerStep(shape);
    say(`${rows.toLocaleString('en-GB')} rows loaded`);
    await settle(config, signal);
    const port = await freePort();
    const settings = {
      mqtt: { broker: 'mqtt://127.0.0.1:1' },
      backbone: { kind: 'embedded', folder, partitions: 1, retentionBytes: 1e9, maxRecordBytes: 1e6 },
      database: { url: config.url },
      api: { port },
    } as const;
    const api = await startIngest({ root, folder, role: 'api', settings });
    add('api', api.stop);
    const url = `http://127.0.0.1:${port}/api/v1/`;
    await waitFor(async () => (await fetch(`${url}gateways`)).ok, { timeoutMs: 30_000, what: 'the API' });
    const range = { from: iso(nowSeconds - days * daySeconds), to: iso(nowSeconds), maxPoints: String(points) };
    const tookMs: number[] = [];
    const answered = new Set<string>();
    for (let request = 0; request < (short ? 50 : 300); request++) {
      const seriesId = String(1 + (request % seriesOf(shape)));
      const startedAt = performance.now();
      const response = await fetch(`${url}history?${new URLSearchParams({ ...range, seriesId })}`);
      const text = await response.text();
      tookMs.push(performance.now() - startedAt);
      const { form, level, timeUs } = answerSchema.parse(JSON.parse(text));
      answered.add(`${timeUs.length} ${form} from ${level}`);
    }
    return [
      {
        name: 'one series of 100, 30 days at 10 s, 1,000 points, 95 %',
        value: quantile(tookMs, 0.95),
        unit: 'ms',
        target: { atMost: 100, aim: 20 },
        note: `${rows.toLocaleString('en-GB')} rows; GET /api/v1/history: ${[...answered].join(', ')}`,
      },
      { name: '… median', value: quantile(tookMs, 0.5), unit: 'ms' },
    ];
  });

const iso = (seconds: number): string => new Date(seconds * 1_000).toISOString();

export const history: Benchmark = {
  name: 'history',
  what: 'one series of 100, 30 days at 10 s, 1,000 points through the API',
  run,
};
