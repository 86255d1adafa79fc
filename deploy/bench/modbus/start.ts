/** How soon the same agent reads, with its compile cache filled: as it is installed. */
import { join } from 'node:path';
import { startAgentProcess } from '../agent-process.ts';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { usageOf } from '../machine.ts';
import { median } from '../statistics.ts';
import { devices, openPlace, type Place, tagsPerDevice } from './place.ts';

const firstPollWithinMs = 60_000;
const everyMs = 1_000;

type Start = { readonly ms: number; readonly cpuMs: number };

async function run(context: BenchmarkContext): Promise<Figure[]> {
  const place = await openPlace(context, everyMs);
  try {
    // The first fills the compile cache.
    await startOnce(context, place, 0);
    const starts: Start[] = [];
    for (let round = 1; round <= (context.short ? 1 : 7); round++) starts.push(await startOnce(context, place, round));
    return figuresOf(starts);
  } finally {
    await place.close();
  }
}

/** With a new journal. */
async function startOnce({ folder, signal }: BenchmarkContext, place: Place, round: number): Promise<Start> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(firstPollWithinMs)]);
  const first = place.fleet.firstRequest(within);
  const agent = await startAgentProcess(place.form, place.config, join(folder, `start-${round}`));
  try {
    const time = await first;
    return { ms: (time - agent.spawnedAt) / 1_000, cpuMs: usageOf(agent.pid).cpuSeconds * 1_000 };
  } finally {
    await agent.stop();
    // Of its last requests none may be taken for the first of the next.
    await place.fleet.requests();
  }
}

const figuresOf = (starts: readonly Start[]): Figure[] => [
  {
    name: `${devices} devices × ${tagsPerDevice} tags: start to first request`,
    value: median(starts.map(({ ms }) => ms)),
    unit: 'ms',
    target: { atMost: 1_000 },
    note: `median of ${starts.length}; by the devices' log`,
  },
  {
    name: '… CPU until then',
    value: median(starts.map(({ cpuMs }) => cpuMs)),
    unit: 'ms',
    note: 'user and system, all threads: what the start takes where nobody else is at work',
  },
];

export const start: Benchmark = {
  name: 'start',
  what: 'start to the first request, with the compile cache filled',
  run,
};
