/**
 * The batches that the agent makes of a plant in a stretch of time, without waiting for it: the same signals, requests, filter
 * and flushes, with round trips as on a quiet network.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Device, type EdgeConfig, edgeSchema, type Plant, plantSchema } from '@fieldline/shared/config';
import type { Sample, Tag } from '@fieldline/shared/contracts';
import { type Point, plantPoints } from '@fieldline/simulators';
import { parse } from 'yaml';
import type { BatchToWrite } from '../../../cloud-ingest/src/store/write-rows.ts';
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
  /** OPC UA servers stamp the instant itself and tell of changes only; a Modbus request takes its time. */
  readonly isReported: boolean;
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
/** From the due time of a request to the middle of its round trip, µs. */
const leastDelayMicros = 400;
const delaySpreadMicros = 900;

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

  function samplesOf({ points, isReported }: Read, dueMs: number): readonly Sample[] {
    const delayMicros = isReported ? 0 : leastDelayMicros + randomAt(seed, 0, round++) * delaySpreadMicros;
    const time = Math.round(dueMs * 1_000 + delayMicros);
    const samples: Sample[] = [];
    for (const { tag, valueAt } of points) {
      const value = valueAt(time / 1_000);
      if (isReported && reported.get(tag) === value) continue;
      if (isReported) reported.set(tag, value);
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
            isReported: false,
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
        return { everyMs: everyMsOfNode.get(name) ?? 1_000, isReported: true, points: [point] };
      });
    })
    .map((read, index, all) => ({
      ...read,
      // The agent spreads the requests of a period over it.
      phaseMs: read.isReported ? 0 : Math.round((index / all.length) * read.everyMs),
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
