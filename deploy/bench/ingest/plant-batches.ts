/**
 * The batches that the agent makes of a plant in a stretch of time, without waiting for it: the same signals, requests, filter
 * and flushes, with round trips as on a quiet network.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Device, type EdgeConfig, edgeSchema, type Plant, plantSchema } from '@fieldline/shared/config';
import type { Micros, Sample, Tag } from '@fieldline/shared/contracts';
import { type Point, plantPoints } from '@fieldline/simulators';
import { parse } from 'yaml';
import type { BatchToWrite } from '../../../cloud-ingest/src/store/write-rows.ts';
import { type Beat, createBeat } from '../../../edge-agent/src/drivers/modbus/beat.ts';
import { valueTypeOf } from '../../../edge-agent/src/drivers/modbus/decode.ts';
import { planDevice } from '../../../edge-agent/src/drivers/modbus/plan.ts';
import { createFilter } from '../../../edge-agent/src/filter/filter.ts';
import { filterSettings } from '../../../edge-agent/src/filter/settings.ts';
import { randomAt } from '../../../simulators/src/signals/random.ts';

type ReadPoint = { readonly tag: Tag; readonly valueAt: Point['valueAt'] };

/** Tags that have one time: of one Modbus request, or one OPC UA node. */
type Read = {
  readonly everyMs: number;
  readonly phaseMs: number;
  readonly points: readonly ReadPoint[];
  /** Of a Modbus request, which takes its time. OPC UA servers stamp the instant itself and tell of changes only. */
  readonly beat: Beat | null;
};

export type PlantBatches = {
  readonly series: number;
  /** So far, before the filter. */
  readonly samplesRead: () => number;
  /** The batches of the flushes between two times. */
  readonly between: (fromMs: number, toMs: number) => Generator<BatchToWrite>;
};

const streamNo = 1;
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

/** `folder`: of `plant.yaml` and `edge.yaml`. The same batches at each run. */
export function plantBatches(folder: string): PlantBatches {
  const edge = edgeSchema.parse(parse(readFileSync(join(folder, 'edge.yaml'), 'utf8')));
  const plant = plantSchema.parse(parse(readFileSync(join(folder, 'plant.yaml'), 'utf8')));
  const reads = readsOf(edge, plant, folder);
  const filter = createFilter(filterSettings(edge.devices));
  const reported = new Map<Tag, Sample['value']>();
  let read = 0;
  let round = 0;
  let seq = 0;

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
    read += samples.length;
    return filter(samples);
  }

  function* between(fromMs: number, toMs: number): Generator<BatchToWrite> {
    const { flushMs } = edge.journal;
    for (let flush = fromMs; flush < toMs; flush += flushMs) {
      const due = reads.flatMap((one) => turns(one, flush, flush + flushMs).map((dueMs) => ({ one, dueMs })));
      const samples = due.sort((a, b) => a.dueMs - b.dueMs).flatMap(({ one, dueMs }) => samplesOf(one, dueMs));
      if (samples.length === 0) continue;
      seq += 1;
      yield { gateway: edge.gateway, streamNo, batch: batchOf(edge.gateway, seq, samples) };
    }
  }
  return { series: reads.reduce((sum, { points }) => sum + points.length, 0), samplesRead: () => read, between };
}

function turns({ everyMs, phaseMs }: Read, fromMs: number, toMs: number): number[] {
  const found: number[] = [];
  for (let due = Math.ceil((fromMs - phaseMs) / everyMs) * everyMs + phaseMs; due < toMs; due += everyMs)
    found.push(due);
  return found;
}

function readsOf({ devices }: EdgeConfig, plant: Plant, folder: string): Read[] {
  const points = plantPoints(plant, folder);
  const everyMsOfNode = new Map(
    plant.servers.flatMap((server) =>
      server.protocol === 'opcua' ? server.nodes.map(({ name, everyMs }) => [name, everyMs] as const) : [],
    ),
  );
  const find = (device: Device, name: string): Point => {
    const point = points.find((each) => each.device === device.device && each.name === name);
    if (point === undefined) throw new Error(`the plant has no ${device.device}/${name}`);
    return point;
  };
  return devices
    .flatMap((device): Omit<Read, 'phaseMs'>[] => {
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
      return device.tags.map(({ tag, node, type }) => {
        const { name, valueAt } = find(device, node.slice(node.indexOf(';s=') + ';s='.length));
        const point = { tag: { device: device.device, tag, type }, valueAt };
        return { everyMs: everyMsOfNode.get(name) ?? 1_000, beat: null, points: [point] };
      });
    })
    .map((read, index, all) => ({
      ...read,
      // The agent spreads the requests of a period over it.
      phaseMs: read.beat === null ? 0 : Math.round((index / all.length) * read.everyMs),
    }));
}

function batchOf(gateway: string, seq: number, samples: readonly Sample[]): BatchToWrite['batch'] {
  const tags = [...new Set(samples.map(({ tag }) => tag))];
  const indexOf = new Map(tags.map((tag, index) => [tag, index]));
  return {
    ...{ gateway, stream: '', seq, read: 0, filtered: 0, volatile: false, declared: [], rejected: [] },
    tags,
    sent: samples.length,
    tagIndex: samples.map(({ tag }) => indexOf.get(tag) ?? 0),
    time: samples.map(({ time }) => time),
    value: samples.map(({ value }) => value),
    quality: samples.map(({ quality }) => quality),
  };
}
