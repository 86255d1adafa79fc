/** The memory of the agent while its server is killed and started again, over and over. */
import { join } from 'node:path';
import { pause } from '@fieldline/shared/runtime';
import { freePort } from '@fieldline/shared/testing/free-port';
import { startAgentProcess } from '../agent-process.ts';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { usageOf } from '../machine.ts';
import { usedAfterCollection } from './heap.ts';
import { openPlace, type Place } from './place.ts';
import type { Size } from './servers.ts';

const size: Size = { servers: 1, nodesPerServer: 1_000 };
const mostPerTen = 1;
/** Until then pools and caches fill. */
const warmUpRestarts = 10;
const backWithinMs = 60_000;

type Look = { readonly restart: number; readonly usedMegabytes: number; readonly residentMegabytes: number };

async function run(context: BenchmarkContext): Promise<Figure[]> {
  const { short, signal, say, folder } = context;
  const last = warmUpRestarts + (short ? 10 : 40);
  const place = await openPlace(context, size);
  try {
    const inspectorPort = await freePort();
    const form = { ...place.form, nodeOptions: [`--inspect=127.0.0.1:${inspectorPort}`] };
    const agent = await startAgentProcess(form, place.config, join(folder, 'agent'));
    try {
      const looks: Look[] = [];
      for (let restart = 0; restart <= last; restart++) {
        if (restart > 0) await place.servers.restart();
        await untilBack(place, signal);
        if (restart % 10 === 0) say(`${restart} of ${last} restarts`);
        if (restart < warmUpRestarts) continue;
        const usedMegabytes = (await usedAfterCollection(inspectorPort)) / 1e6;
        looks.push({ restart, usedMegabytes, residentMegabytes: usageOf(agent.pid).residentBytes / 1e6 });
      }
      return figuresOf(looks);
    } finally {
      await agent.stop();
    }
  } finally {
    await place.close();
  }
}

/** Each node has given several values since it was called. */
async function untilBack({ standIn }: Place, signal: AbortSignal): Promise<void> {
  const until = performance.now() + backWithinMs;
  standIn.delaysMs();
  const wanted = standIn.values() + 3 * size.nodesPerServer;
  while (standIn.values() < wanted) {
    if (performance.now() > until) throw new Error(`the values did not come back within ${backWithinMs} ms`);
    await pause(100, signal);
    signal.throwIfAborted();
  }
}

function figuresOf(looks: readonly Look[]): Figure[] {
  const [first, last] = [looks[0], looks.at(-1)];
  return [
    {
      name: `${size.nodesPerServer.toLocaleString('en-GB')} items, server killed and started again: memory in use per 10 restarts`,
      value: 10 * slopeOf(looks.map(({ restart, usedMegabytes }) => [restart, usedMegabytes])),
      unit: 'MB',
      target: { atMost: mostPerTen },
      note: `heap and buffers after a collection, straight line through ${looks.length} looks; ${first?.usedMegabytes.toFixed(1)} MB at first, ${last?.usedMegabytes.toFixed(1)} at last`,
    },
    {
      name: '… resident per 10 restarts',
      value: 10 * slopeOf(looks.map(({ restart, residentMegabytes }) => [restart, residentMegabytes])),
      unit: 'MB',
      note: `${first?.residentMegabytes.toFixed(0)} MB at first, ${last?.residentMegabytes.toFixed(0)} at last`,
    },
  ];
}

/** Of the straight line with the least squares. */
function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const squares = mean(points.map(([x]) => (x - meanX) ** 2));
  return mean(points.map(([x, y]) => (x - meanX) * (y - meanY))) / squares;
}

export const restarts: Benchmark = {
  name: 'restarts',
  what: 'memory of the agent over restarts of its server',
  run,
};
