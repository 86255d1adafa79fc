/** The batches that the agent makes of a plant in a stretch of time, without waiting for it. */
import type { Sample } from '@fieldline/shared/contracts';
import type { BatchToWrite } from '../../../cloud-ingest/src/store/write-rows.ts';
import { plantSamples } from '../plant-samples.ts';

export type PlantBatches = {
  readonly series: number;
  /** So far, before the filter. */
  readonly samplesRead: () => number;
  /** The batches of the flushes between two times. */
  readonly between: (fromMs: number, toMs: number) => Generator<BatchToWrite>;
};

const streamNo = 1;

/** `folder`: of `plant.yaml` and `edge.yaml`. The same batches at each run. */
export function plantBatches(folder: string): PlantBatches {
  const plant = plantSamples(folder);
  let read = 0;
  let seq = 0;

  function* between(fromMs: number, toMs: number): Generator<BatchToWrite> {
    for (const { samples, filtered } of plant.between(fromMs, toMs)) {
      read += samples.length + filtered;
      if (samples.length === 0) continue;
      seq += 1;
      yield { gateway: plant.gateway, streamNo, batch: batchOf(plant.gateway, seq, samples) };
    }
  }
  return { series: plant.series, samplesRead: () => read, between };
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
