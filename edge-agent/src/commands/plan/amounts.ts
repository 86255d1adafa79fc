/** How many samples the settings give, and how many bytes become of them. Pure. */
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import { classOf } from '../../classes.ts';

/**
 * Measured with the demonstration plant, 512 samples a flush (README, "How much it writes"): what a sample takes in a batch, which is what
 * goes over the uplink and what is kept in an outage.
 */
const bytesPerSample = { zstd: 7.4, gzip: 7.4, none: 40 } as const;
/** The head of a batch, names included, with MQTT's topic: measured of batches with few samples. */
const bytesPerBatch = 200;
/** What a flush writes besides: 18.0 and 10.0 bytes were written per sample, less the 7.4 of its batch, × 512. */
const bytesPerFlush = { 'power-cut': 5_400, 'process-crash': 1_300 } as const;

const secondsPerDay = 86_400;
const secondsPerHour = 3_600;

export type Amounts = {
  readonly samplesPerSecond: number;
  readonly uplinkBytesPerDay: number;
  readonly diskBytesPerDay: number;
  /** How long an outage may last until the oldest is dropped, and by which setting. */
  readonly hoursOfBuffer: number;
  readonly by: 'maxBytes' | 'maxAgeMs';
};

/** At most: what a deadband holds back, or a server does not report because it has not changed, is not counted off. */
export function amountsOf({ devices, journal, uplink }: Pick<EdgeConfig, 'devices' | 'journal' | 'uplink'>): Amounts {
  const ofClass = new Map<string, number>();
  for (const device of devices) {
    for (const { tagClass, everyMs } of ratesOf(device)) {
      ofClass.set(tagClass, (ofClass.get(tagClass) ?? 0) + 1_000 / everyMs);
    }
  }
  const rates = [...ofClass.values()];
  const samples = rates.reduce((sum, rate) => sum + rate, 0);
  // Each class with news is a batch of its own.
  const batches = rates.reduce((sum, rate) => sum + Math.min(rate, 1_000 / journal.flushMs), 0);
  const kept = samples * bytesPerSample[uplink.compression] + batches * bytesPerBatch;
  const byRoom = journal.maxBytes / (kept * secondsPerHour);
  const byAge = (journal.maxAgeMs ?? Number.POSITIVE_INFINITY) / 3_600_000;
  return {
    samplesPerSecond: samples,
    uplinkBytesPerDay: kept * secondsPerDay,
    diskBytesPerDay: (kept + batches * bytesPerFlush[journal.survives]) * secondsPerDay,
    hoursOfBuffer: Math.min(byRoom, byAge),
    by: byAge < byRoom ? 'maxAgeMs' : 'maxBytes',
  };
}

type Device = EdgeConfig['devices'][number];

/** How often something happens, nobody knows beforehand. */
const eventEveryMs = 60_000;

/** A server samples as fast as it can where 0 is stated: no faster than it publishes is what is counted. */
function ratesOf(device: Device): { readonly tagClass: string; readonly everyMs: number }[] {
  if (device.protocol === 'modbus') {
    return device.tags.map((tag) => ({ tagClass: classOf(tag, device), everyMs: tag.everyMs ?? device.everyMs }));
  }
  return device.tags.map((tag) => {
    if (tag.events !== undefined) return { tagClass: classOf(tag, device), everyMs: eventEveryMs };
    const samplingMs = tag.samplingMs ?? device.samplingMs;
    return { tagClass: classOf(tag, device), everyMs: samplingMs === 0 ? device.publishingMs : samplingMs };
  });
}
