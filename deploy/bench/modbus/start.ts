/** How soon the same agent reads, with its compile cache filled: as it is installed. */
import { join } from 'node:path';
import type { Device } from '@fieldline/shared/config';
import { startAgentProcess } from '../agent-process.ts';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { usageOf } from '../machine.ts';
import { median } from '../statistics.ts';
import { type Begun, startBare } from './bare.ts';
import { devices, openPlace, type Place, tagsPerDevice } from './place.ts';

const firstPollWithinMs = 60_000;
const everyMs = 1_000;

type Start = { readonly ms: number; readonly cpuMs: number };

async function run(context: BenchmarkContext): Promise<Figure[]> {
  const place = await openPlace(context, everyMs);
  try {
    const programs = programsOf(place, context);
    const starts = new Map<string, Start[]>(programs.map(({ name }) => [name, []]));
    // In turns, since a virtual core changes its speed; the first fills the compile cache.
    for (let round = 0; round <= (context.short ? 1 : 7); round++) {
      for (const { name, start } of programs) {
        const one = await startOnce(place, () => start(round), context.signal);
        if (round > 0) starts.get(name)?.push(one);
      }
    }
    return figuresOf(starts);
  } finally {
    await place.close();
  }
}

type Program = { readonly name: string; readonly start: (round: number) => Promise<Begun> };

const [ofOneKind, noTwoAlike, bare] = ['all of one kind', 'no two alike', 'the bare poller'];

/** Each with a new journal. */
function programsOf(place: Place, { folder }: BenchmarkContext): Program[] {
  const { form, config } = place;
  const unlike = { ...config, devices: config.devices.map(withOwnTags) };
  return [
    { name: ofOneKind, start: (round) => startAgentProcess(form, config, join(folder, `alike-${round}`)) },
    { name: noTwoAlike, start: (round) => startAgentProcess(form, unlike, join(folder, `unlike-${round}`)) },
    { name: bare, start: async (round) => startBare(place, join(folder, `bare-${round}`), everyMs) },
  ];
}

function withOwnTags(device: Device): Device {
  if (device.protocol !== 'modbus') throw new Error('there is no Modbus device');
  return { ...device, tags: device.tags.map((tag) => ({ ...tag, tag: `${device.device}.${tag.tag}` })) };
}

async function startOnce({ fleet }: Place, start: () => Promise<Begun>, signal: AbortSignal): Promise<Start> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(firstPollWithinMs)]);
  const first = fleet.firstRequest(within);
  const program = await start();
  try {
    const time = await first;
    return { ms: (time - program.spawnedAt) / 1_000, cpuMs: usageOf(program.pid).cpuSeconds * 1_000 };
  } finally {
    await program.stop();
    // Of its last requests none may be taken for the first of the next.
    await fleet.requests();
  }
}

function figuresOf(starts: ReadonlyMap<string, readonly Start[]>): Figure[] {
  const medianOf = (name: string, key: keyof Start): number =>
    median((starts.get(name) ?? []).map((start) => start[key]));
  const bareMs = medianOf(bare, 'ms');
  return [ofOneKind, noTwoAlike].flatMap((name): Figure[] => [
    {
      name: `${devices} devices × ${tagsPerDevice} tags, ${name}: start to first request`,
      value: medianOf(name, 'ms'),
      unit: 'ms',
      ...(name === ofOneKind ? { target: { atMost: 1_000 } } : {}),
      note: `median of ${starts.get(name)?.length}; by the devices' log`,
    },
    {
      name: '… ÷ that of the bare poller',
      value: medianOf(name, 'ms') / bareMs,
      unit: '',
      note: `${bareMs.toFixed(0)} ms: a program that loads the same libraries for SQLite and MQTT and opens as many connections`,
    },
    {
      name: '… CPU until then',
      value: medianOf(name, 'cpuMs'),
      unit: 'ms',
      note: 'user and system, all threads: what the start takes where nobody else is at work',
    },
  ]);
}

export const start: Benchmark = {
  name: 'start',
  what: 'start to the first request, with the compile cache filled',
  run,
};
