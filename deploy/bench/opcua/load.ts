/** 10,000 items that change every second: what it takes to follow, to journal and to send them, and how soon that is. */
import { join } from 'node:path';
import { pause } from '@fieldline/shared/runtime';
import { type AgentProcess, startAgentProcess } from '../agent-process.ts';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { usageOf } from '../machine.ts';
import { type Bucket, quantile, quantileOfBuckets, since } from '../statistics.ts';
import { flushMs, openPlace, publishingMs } from './place.ts';
import type { Size } from './servers.ts';

const sizes: readonly Size[] = [
  { servers: 1, nodesPerServer: 10_000 },
  { servers: 10, nodesPerServer: 1_000 },
];
const mostMegabytes = 300;
const mostDelayMs = 300;

type Measured = {
  readonly cpuPercent: number;
  readonly serverPercent: number;
  readonly residentMegabytes: number;
  readonly samplesPerSecond: number;
  readonly loopDelayMs: number;
  readonly delaysMs: readonly number[];
};

async function run(context: BenchmarkContext): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of sizes) figures.push(...figuresOf(size, await measure(context, size)));
  return figures;
}

async function measure(context: BenchmarkContext, size: Size): Promise<Measured> {
  const { short, signal, say, folder } = context;
  const place = await openPlace(context, size);
  const { standIn, servers } = place;
  try {
    const agent = await startAgentProcess(place.form, place.config, join(folder, `agent-${size.servers}`));
    try {
      while (standIn.samples() < size.servers * size.nodesPerServer) await pause(200, signal);
      await pause(short ? 5_000 : 20_000, signal);
      const loopDelaysBefore = await loopDelaysOf(agent);
      const before = [usageOf(agent.pid), usageOf(servers.pid())] as const;
      const samplesBefore = standIn.samples();
      standIn.delaysMs();
      const begunMs = performance.now();
      await pause(short ? 10_000 : 60_000, signal);
      const seconds = (performance.now() - begunMs) / 1_000;
      const after = [usageOf(agent.pid), usageOf(servers.pid())] as const;
      const samplesPerSecond = (standIn.samples() - samplesBefore) / seconds;
      const cpu = (which: 0 | 1): number => (100 * (after[which].cpuSeconds - before[which].cpuSeconds)) / seconds;
      say(`${size.servers} × ${size.nodesPerServer}: ${Math.round(samplesPerSecond)} samples/s`);
      return {
        cpuPercent: cpu(0),
        serverPercent: cpu(1),
        residentMegabytes: after[0].residentBytes / 1e6,
        samplesPerSecond,
        loopDelayMs: quantileOfBuckets(since(loopDelaysBefore, await loopDelaysOf(agent)), 0.99) * 1_000,
        delaysMs: standIn.delaysMs(),
      };
    } finally {
      await agent.stop();
    }
  } finally {
    await place.close();
  }
}

async function loopDelaysOf({ httpPort }: AgentProcess): Promise<Bucket[]> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  const lines = text.matchAll(/^fieldline_agent_event_loop_delay_seconds_bucket\{le="(.+)"\} (\d+)$/gm);
  return [...lines].map(([, most = '', count]) => ({
    most: Number(most.replace('+Inf', 'Infinity')),
    count: Number(count),
  }));
}

function figuresOf({ servers, nodesPerServer }: Size, measured: Measured): Figure[] {
  const items = servers * nodesPerServer;
  const servedBy = servers === 1 ? 'the server' : 'the servers, in one process,';
  return [
    {
      name: `${servers} × ${nodesPerServer.toLocaleString('en-GB')} items at 1 s: CPU of the agent`,
      value: measured.cpuPercent,
      unit: '% of a core',
      note: `user and system; ${servedBy} took ${Math.round(measured.serverPercent)} %`,
    },
    {
      name: '… resident',
      value: measured.residentMegabytes,
      unit: 'MB',
      target: { atMost: mostMegabytes },
    },
    {
      name: '… samples that came out of the broker',
      value: measured.samplesPerSecond,
      unit: 'per s',
      target: { atLeast: 0.98 * items },
      note: `of ${items.toLocaleString('en-GB')} changes`,
    },
    { name: '… event-loop delay, 99 %', value: measured.loopDelayMs, unit: 'ms' },
    {
      name: '… change → journal → broker, 99 %',
      value: quantile(measured.delaysMs, 0.99),
      unit: 'ms',
      target: { atMost: mostDelayMs },
      note: `median ${Math.round(quantile(measured.delaysMs, 0.5))} ms; publishing ${publishingMs} ms, flush ${flushMs} ms`,
    },
  ];
}

export const load: Benchmark = {
  name: 'load',
  what: '10,000 items at 1 s, of one server and of ten: CPU, memory, delay',
  run,
};
