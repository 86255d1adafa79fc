/**
 * The samples that the agent has of a plant in a stretch of time, without waiting for it: the same signals, requests, filter
 * and flushes, with round trips as on a quiet network.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Device, type EdgeConfig, loadEdgeConfig, type Plant, plantSchema } from '@fieldline/shared/config';
import type { Micros, Sample, Tag } from '@fieldline/shared/contracts';
import { type Point, plantPoints } from '@fieldline/simulators';
import { parse } from 'yaml';
import { type Beat, createBeat } from '../../edge-agent/src/drivers/modbus/beat.ts';
import { valueTypeOf } from '../../edge-agent/src/drivers/modbus/decode.ts';
import { planDevice } from '../../edge-agent/src/drivers/modbus/plan.ts';
import { createFilter } from '../../edge-agent/src/filter/filter.ts';
import { filterSettings } from '../../edge-agent/src/filter/settings.ts';
import { profilesFolder } from '../../edge-agent/src/profiles-folder.ts';
import { randomAt } from '../../simulators/src/signals/random.ts';

type ReadPoint = { readonly tag: Tag; readonly valueAt: Point['valueAt'] };

/** Tags that have one time: of one Modbus request, or one OPC UA node. */
type Read = {
  readonly everyMs: number;
  readonly phaseMs: number;
  readonly points: readonly ReadPoint[];
  /** Of a Modbus request, which takes its time. OPC UA servers stamp the instant itself and tell of changes only. */
  readonly beat: Beat | null;
};

/** What the drivers give for one flush. */
export type PlantFlush = {
  readonly atMs: number;
  /** Those that pass the filter. */
  readonly samples: readonly Sample[];
  /** How many it held back beside them. */
  readonly filtered: number;
};

export type PlantSamples = {
  readonly gateway: string;
  readonly series: number;
  /** The flushes between two times. */
  readonly between: (fromMs: number, toMs: number) => Generator<PlantFlush>;
};

/** Between one copy of the plant and the next: their waves are not in step. */
const shiftMs = 7 * 3_600_000 + 1_234_567;
const seed = 1;
/**
 * From the due time of a request to the middle of its round trip, and from there to its end, µs. As measured of this agent and
 * these simulators on two cores with three times as much to do: 0.8 ms from the earliest to the median, 2–3 ms to the 95th
 * hundredth; 1 or 2 in 100 are more than 10 ms late.
 */
const leastDelayMicros = 400;
const delaySpreadMicros = 1_400;
const halfRoundTripMicros = 300;
/** Where the machine had other things to do, mostly little ones. */
const lateShare = 0.05;
const mostLateMicros = 30_000;

/**
 * `folder`: of `plant.yaml` and `edge.yaml`. The same samples at each run. Of several `copies`, each has devices, seeds and
 * moments of its own.
 */
export function plantSamples(folder: string, copies = 1): PlantSamples {
  const edge = loadEdgeConfig(join(folder, 'edge.yaml'), profilesFolder);
  const plant = plantSchema.parse(parse(readFileSync(join(folder, 'plant.yaml'), 'utf8')));
  const all = Array.from({ length: copies }, (_, copy) => ({ copy, edge: copyOf(edge, copy) }));
  const reads = spread(
    all.flatMap((one) => readsOf(one.edge, { ...plant, seed: plant.seed + one.copy }, folder, one.copy)),
  );
  const filter = createFilter(filterSettings(all.flatMap((one) => one.edge.devices)));
  const reported = new Map<Tag, Sample['value']>();
  let round = 0;

  function middleOf(dueMs: number): Micros {
    const turn = round++;
    const lateBy = randomAt(seed, 1, turn) < lateShare ? randomAt(seed, 2, turn) ** 3 * mostLateMicros : 0;
    return Math.round(dueMs * 1_000 + leastDelayMicros + randomAt(seed, 0, turn) * delaySpreadMicros + lateBy);
  }

  function samplesOf({ points, beat }: Read, dueMs: number): readonly Sample[] {
    const takenAt = beat === null ? dueMs * 1_000 : middleOf(dueMs);
    const time = beat === null ? takenAt : beat(takenAt, takenAt + halfRoundTripMicros);
    const samples: Sample[] = [];
    for (const { tag, valueAt } of points) {
      const value = valueAt(takenAt / 1_000);
      if (beat === null && reported.get(tag) === value) continue;
      if (beat === null) reported.set(tag, value);
      samples.push({ tag, time, value, quality: 0 });
    }
    return samples;
  }

  function* between(fromMs: number, toMs: number): Generator<PlantFlush> {
    const { flushMs } = edge.journal;
    for (let atMs = fromMs; atMs < toMs; atMs += flushMs) {
      const due = reads.flatMap((one) => turns(one, atMs, atMs + flushMs).map((dueMs) => ({ one, dueMs })));
      const read = due.sort((a, b) => a.dueMs - b.dueMs).flatMap(({ one, dueMs }) => samplesOf(one, dueMs));
      const samples = filter(read);
      yield { atMs, samples, filtered: read.length - samples.length };
    }
  }
  return { gateway: edge.gateway, series: reads.reduce((sum, { points }) => sum + points.length, 0), between };
}

const deviceOf = (device: string, copy: number): string => (copy === 0 ? device : `${device}-${copy + 1}`);

const copyOf = (edge: EdgeConfig, copy: number): EdgeConfig => ({
  ...edge,
  devices: edge.devices.map((device) => ({ ...device, device: deviceOf(device.device, copy) })),
});

function turns({ everyMs, phaseMs }: Read, fromMs: number, toMs: number): number[] {
  const found: number[] = [];
  for (let due = Math.ceil((fromMs - phaseMs) / everyMs) * everyMs + phaseMs; due < toMs; due += everyMs)
    found.push(due);
  return found;
}

function readsOf({ devices }: EdgeConfig, plant: Plant, folder: string, copy: number): Omit<Read, 'phaseMs'>[] {
  const points = plantPoints(plant, folder);
  const everyMsOfNode = new Map(
    plant.servers.flatMap((server) =>
      server.protocol === 'opcua' ? server.nodes.map(({ name, everyMs }) => [name, everyMs] as const) : [],
    ),
  );
  const find = (device: Device, name: string): Point => {
    const point = points.find((each) => deviceOf(each.device, copy) === device.device && each.name === name);
    if (point === undefined) throw new Error(`the plant has no ${device.device}/${name}`);
    return { ...point, valueAt: (timeMs) => point.valueAt(timeMs + copy * shiftMs) };
  };
  return devices.flatMap((device): Omit<Read, 'phaseMs'>[] => {
    if (device.protocol === 'modbus') {
      return planDevice(device).flatMap(({ everyMs, blocks }) =>
        blocks.map((block) => ({
          everyMs,
          beat: createBeat(everyMs, device.timeToleranceMs),
          points: block.points.map(({ setting }) => ({
            tag: { device: device.device, tag: setting.tag, type: valueTypeOf(setting) },
            valueAt: find(device, setting.tag).valueAt,
          })),
        })),
      );
    }
    return device.tags.map(({ tag, node = '', type }) => {
      const { name, valueAt } = find(device, node.slice(node.indexOf(';s=') + ';s='.length));
      const point = { tag: { device: device.device, tag, type }, valueAt };
      return { everyMs: everyMsOfNode.get(name) ?? 1_000, beat: null, points: [point] };
    });
  });
}

/** As the agent does: the requests of a period are spread over it. */
function spread(reads: readonly Omit<Read, 'phaseMs'>[]): Read[] {
  return reads.map((read, index) => ({
    ...read,
    phaseMs: read.beat === null ? 0 : Math.round((index / reads.length) * read.everyMs),
  }));
}
