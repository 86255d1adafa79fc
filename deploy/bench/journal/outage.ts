/** 72 hours without a broker at 1,000 samples a second: what they take on the disk, and how they come back. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { loadEdgeConfig } from '@fieldline/shared/config';
import { profilesFolder } from '../../../edge-agent/src/profiles-folder.ts';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { quantile } from '../statistics.ts';
import { drainBacklog } from './drain.ts';
import { common } from './order.ts';
import { runJobIn } from './run-job.ts';

const outageHours = 72;
/** Of the plant; the outage is made of it again and again. */
const stretchSeconds = 600;

async function run(context: BenchmarkContext): Promise<Figure[]> {
  const { root, folder, short, say, signal } = context;
  const own = join(folder, 'outage');
  mkdirSync(own);
  try {
    const hours = short ? 1 : outageHours;
    const rounds = (hours * 3_600) / stretchSeconds;
    const order = {
      ...common(context),
      kind: 'fill',
      seconds: stretchSeconds,
      survives: 'process-crash',
      rounds,
    } as const;
    const filled = await runJobIn<'fill'>(order, own, signal);
    say(
      `${filled.samples.toLocaleString('en-GB')} samples of ${hours} h in ${filled.batches.toLocaleString('en-GB')} batches, made in ${Math.round(filled.seconds)} s`,
    );
    if (filled.held !== filled.samples) throw new Error(`of ${filled.samples} samples ${filled.held} are held`);
    const { gateway } = loadEdgeConfig(join(root, 'deploy/examples/pumping-station/edge.yaml'), profilesFolder);
    const drained = await drainBacklog(root, own, gateway, filled.batches, signal);
    if (drained.samples !== filled.samples)
      throw new Error(`of ${filled.samples} samples ${drained.samples} came to the cloud`);
    return [
      {
        name: `${hours} h offline at ${Math.round(filled.samples / hours / 3_600)} samples/s: files`,
        value: filled.keptBytes / 1024 ** 3,
        unit: 'GiB',
        ...(short ? {} : { target: { atMost: 2 } }),
        note: `${(filled.keptBytes / filled.samples).toFixed(2)} bytes per sample`,
      },
      {
        name: '… drained through Mosquitto, each batch acknowledged as committed',
        value: drained.seconds / 60,
        unit: 'min',
        ...(short ? {} : { target: { atMost: 60 } }),
        note: `${Math.round(filled.samples / drained.seconds / 1_000)} k samples/s, ${Math.round(drained.cpuSeconds)} s of CPU; ${drained.doubled} batches came twice`,
      },
      {
        name: '… live batches meanwhile: oldest sample to broker and out, 99 %',
        value: quantile(drained.latenessMs, 0.99),
        unit: 'ms',
        target: { atMost: 1_000 },
        note: `flush 500 ms included; ${drained.latenessMs.length} batches, at most ${Math.round(Math.max(...drained.latenessMs))} ms`,
      },
      {
        name: '… most resident',
        value: drained.mostBytes / 1e6,
        unit: 'MB',
        target: { atMost: 120 },
        note: 'of the agent as images run it; 20 Modbus devices × 50 registers',
      },
    ];
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

export const outage: Benchmark = { name: 'outage', what: '72 hours offline, and their way to the cloud', run };
