/** 500 devices of 30 registers each: what it takes to read them, to journal all of it and to send it, and how punctual that is. */
import { join } from 'node:path';
import type { EdgeConfig } from '@fieldline/shared/config';
import { pause } from '@fieldline/shared/runtime';
import { startAgentProcess } from '../agent-process.ts';
import type { Benchmark, BenchmarkContext, Figure, Target } from '../benchmark.ts';
import { usageOf } from '../machine.ts';
import { quantile } from '../statistics.ts';
import { measureBare, type Times } from './bare.ts';
import { fewestRequests } from './minimum.ts';
import { devices, openPlace, type Place, tagsPerDevice } from './place.ts';
import { type Turns, turnsOf } from './turns.ts';

type Rate = { readonly everyMs: number; readonly cpuPercent: Target; readonly megabytes?: Target };

const rates: readonly Rate[] = [
  { everyMs: 1_000, cpuPercent: { atMost: 12, aim: 7 }, megabytes: { atMost: 150, aim: 100 } },
  { everyMs: 500, cpuPercent: { atMost: 22, aim: 13 } },
];

type Measured = Turns & {
  readonly cpuPercent: number;
  /** Of the bare poller. */
  readonly barePercent: number;
  readonly residentMegabytes: number;
  readonly ownMegabytes: number;
  readonly samplesPerSecond: number;
  /** Of one turn of one device. */
  readonly fewest: number;
};

async function run(context: BenchmarkContext): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const rate of rates) figures.push(...figuresOf(rate, await measure(context, rate.everyMs)));
  return figures;
}

async function measure(context: BenchmarkContext, everyMs: number): Promise<Measured> {
  const { short, folder, signal } = context;
  const times = { warmUpMs: short ? 5_000 : 20_000, measureMs: short ? 10_000 : 60_000 };
  const place = await openPlace(context, everyMs);
  try {
    const measured = await measureAgent(place, context, everyMs, times);
    const barePercent = await measureBare(place, join(folder, `bare-${everyMs}`), everyMs, times, signal);
    return { ...measured, barePercent };
  } finally {
    await place.close();
  }
}

async function measureAgent(
  place: Place,
  { folder, signal, say }: BenchmarkContext,
  everyMs: number,
  { warmUpMs, measureMs }: Times,
): Promise<Omit<Measured, 'barePercent'>> {
  const agent = await startAgentProcess(place.form, place.config, join(folder, `agent-${everyMs}`));
  try {
    await pause(warmUpMs, signal);
    await place.fleet.requests();
    const before = usageOf(agent.pid);
    const begunMs = performance.now();
    const samplesBefore = place.standIn.samples();
    await pause(measureMs, signal);
    const seconds = (performance.now() - begunMs) / 1_000;
    const after = usageOf(agent.pid);
    if (after.residentBytes === 0) throw new Error('the agent did not stay up');
    const samplesPerSecond = (place.standIn.samples() - samplesBefore) / seconds;
    const turns = turnsOf(await place.fleet.requests(), everyMs);
    say(`every ${everyMs} ms: ${turns.requests.toLocaleString('en-GB')} requests in ${seconds.toFixed(1)} s`);
    return {
      ...turns,
      cpuPercent: (100 * (after.cpuSeconds - before.cpuSeconds)) / seconds,
      residentMegabytes: after.residentBytes / 1e6,
      ownMegabytes: after.privateBytes / 1e6,
      samplesPerSecond,
      fewest: fewestOf(place.config),
    };
  } finally {
    await agent.stop();
  }
}

/** All devices have the same map. */
function fewestOf({ devices: [device] }: EdgeConfig): number {
  if (device?.protocol !== 'modbus') throw new Error('there is no Modbus device');
  const addresses = device.tags.flatMap(({ address }) => address ?? []);
  return fewestRequests(addresses, device.maxRegisters, device.maxGap);
}

function figuresOf({ everyMs, cpuPercent, megabytes }: Rate, measured: Measured): Figure[] {
  const { due, missed, requests, besideMs, fewest } = measured;
  const turnsRead = due - missed;
  return [
    {
      name: `${devices} devices × ${tagsPerDevice} tags, every ${everyMs} ms: CPU of the agent`,
      value: measured.cpuPercent,
      unit: '% of a core',
      target: cpuPercent,
      note: `user and system; ${Math.round(measured.samplesPerSecond).toLocaleString('en-GB')} samples/s came out of the broker`,
    },
    {
      name: '… ÷ that of a bare poller',
      value: measured.cpuPercent / measured.barePercent,
      unit: '',
      note: `${measured.barePercent.toFixed(1)} % of a core: a program without checks that does the same reads, forced writes and publishes`,
    },
    {
      name: '… resident',
      value: measured.residentMegabytes,
      unit: 'MB',
      ...(megabytes === undefined ? {} : { target: megabytes }),
      note: `${Math.round(measured.ownMegabytes)} MB of it our own, the rest is Node's program file`,
    },
    {
      name: '… missed cycles',
      value: (100 * missed) / due,
      unit: '%',
      target: { atMost: 1 },
      note: `${missed} of ${due.toLocaleString('en-GB')} turns, by the devices' log`,
    },
    {
      name: '… requests against their grid, 99 %',
      value: quantile(besideMs, 0.99),
      unit: 'ms',
      note: `median ${quantile(besideMs, 0.5).toFixed(2)} ms, at most ${Math.max(...besideMs).toFixed(1)} ms; as the devices saw them`,
    },
    {
      name: '… requests on the wire ÷ the fewest',
      value: requests / (turnsRead * fewest),
      unit: '',
      target: { atMost: 1 },
      note: `${fewest} a turn; of the turns that were read`,
    },
  ];
}

export const load: Benchmark = {
  name: 'load',
  what: `${devices} devices × ${tagsPerDevice} tags: CPU, memory, punctuality, requests`,
  run,
};
