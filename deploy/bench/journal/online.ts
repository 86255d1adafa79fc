/** 1,000 samples a second of the demonstration plant, a flush each 500 ms, each batch confirmed a second later. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import type { Results } from './job.ts';
import { common, durabilities } from './order.ts';
import { isInMemory, openOwnDisk } from './own-disk.ts';
import { runJob } from './run-job.ts';

const writtenTarget = { atMost: 20, aim: 12 };
const delayTarget = { atMost: 20 };

async function run(context: BenchmarkContext): Promise<Figure[]> {
  if (isInMemory(context.folder)) throw new Error(`${context.folder} is not on a disk: set TMPDIR to a folder that is`);
  return [...(await writtenFigures(context)), ...(await liveFigures(context)), ...(await forcedFigures(context))];
}

async function writtenFigures(context: BenchmarkContext): Promise<Figure[]> {
  const { folder, short, signal, say } = context;
  const own = openOwnDisk(folder);
  if (own === null) say('no filesystem of its own could be made (needs root): what reaches the device is not measured');
  // What is not forced is written later, and compressed time has no later.
  const device = own?.device ?? null;
  const figures: Figure[] = [];
  try {
    for (const survives of durabilities) {
      const seconds = short ? 30 : 45 * 60;
      const order = {
        ...common(context),
        kind: 'online',
        seconds,
        survives,
        device: survives === 'power-cut' ? device : null,
      } as const;
      const result = await runJob<'online'>(order, own?.folder ?? folder, signal);
      say(
        `${survives}: ${result.samples.toLocaleString('en-GB')} samples in ${result.flushes} flushes, ${seconds} s of the plant`,
      );
      figures.push(...writtenOf(survives, result));
    }
  } finally {
    own?.close();
  }
  return figures;
}

const writtenOf = (
  survives: string,
  { samples, encodedBytes, writtenBytes, deviceBytes }: Results['online'],
): Figure[] => [
  {
    name: `survives ${survives}: written per sample`,
    value: writtenBytes / samples,
    unit: 'bytes',
    target: writtenTarget,
    note: `write_bytes of the process, all files; ${(encodedBytes / samples).toFixed(1)} bytes are the batches themselves`,
  },
  ...(deviceBytes === null
    ? []
    : [
        {
          name: '… at the device',
          value: deviceBytes / samples,
          unit: 'bytes',
          note: "the filesystem's own journal included",
        },
      ]),
];

async function liveFigures(context: BenchmarkContext): Promise<Figure[]> {
  const { folder, short, signal } = context;
  const figures: Figure[] = [];
  for (const survives of durabilities) {
    const order = { ...common(context), kind: 'live', seconds: short ? 5 : 60, survives } as const;
    const result = await runJob<'live'>(order, folder, signal);
    const { samples, flushes, delayMs, mostDelayMs, flushMs, mostFlushMs } = result;
    const note = `at ${Math.round(samples / secondsOf(result))} samples/s; at most ${mostDelayMs.toFixed(1)} ms`;
    figures.push(
      { name: `survives ${survives}: event-loop delay, 99 %`, value: delayMs, unit: 'ms', target: delayTarget, note },
      {
        name: '… while a flush holds it, 99 % of flushes',
        value: flushMs,
        unit: 'ms',
        target: delayTarget,
        note: `encoding included; ${flushes} flushes, at most ${mostFlushMs.toFixed(1)} ms`,
      },
    );
  }
  return figures;
}

/** Counted from outside, and in a run of its own: what counts makes each call slower. */
async function forcedFigures(context: BenchmarkContext): Promise<Figure[]> {
  const { folder, short, signal, say } = context;
  if (spawnSync('strace', ['-V']).status !== 0) {
    say('strace is not there: forced writes are not counted');
    return [];
  }
  const figures: Figure[] = [];
  for (const survives of durabilities) {
    const order = { ...common(context), kind: 'live', seconds: short ? 5 : 30, survives } as const;
    const trace = join(folder, 'calls');
    const through = ['strace', '-f', '-qq', '-ttt', '-o', trace, '-e', 'trace=fsync,fdatasync'];
    const result = await runJob<'live'>(order, folder, signal, through);
    const calls = readFileSync(trace, 'utf8')
      .split('\n')
      .filter((line) => isForced(line, result)).length;
    figures.push({
      name: `survives ${survives}: forced writes`,
      value: calls / secondsOf(result),
      unit: '1/s',
      note: `fsync and fdatasync; ${(result.flushes / secondsOf(result)).toFixed(1)} flushes a second`,
    });
  }
  return figures;
}

/** Neither the opening of the journal nor its end. */
function isForced(line: string, { fromMs, toMs }: Results['live']): boolean {
  const atMs = 1_000 * Number(/^\d+ +([\d.]+) f(?:data)?sync\(/.exec(line)?.[1]);
  return atMs >= fromMs && atMs <= toMs;
}

const secondsOf = ({ fromMs, toMs }: Results['live']): number => (toMs - fromMs) / 1_000;

export const online: Benchmark = {
  name: 'online',
  what: '1,000 samples/s, confirmed a second later: bytes written, forced writes, event-loop delay',
  run,
};
