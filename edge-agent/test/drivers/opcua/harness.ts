/** A driver with everything it gives out kept in lists. */
import { join } from 'node:path';
import { opcuaDeviceSchema } from '@fieldline/shared/config';
import { type Declaration, qualityName, type Sample, type ValueType } from '@fieldline/shared/contracts';
import { createMetrics, type Log, silentLog, systemClock } from '@fieldline/shared/runtime';
import { temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { afterEach } from 'vitest';
import type { z } from 'zod';
import type { Driver, LastKept } from '../../../src/drivers/driver.ts';
import { createOpcuaDriver } from '../../../src/drivers/opcua/driver.ts';
import type { NodeRetry } from '../../../src/drivers/opcua/items/desired-items.ts';

export type DeviceSettings = Partial<z.input<typeof opcuaDeviceSchema>> &
  Pick<z.input<typeof opcuaDeviceSchema>, 'endpoint' | 'tags'>;

export const insecure = { policy: 'None', mode: 'None' } as const;

export type Rig = {
  readonly driver: Driver;
  readonly samples: Sample[];
  readonly declared: Declaration[];
  readonly certificateFolder: string;
  /** Samples of a tag, newest last. */
  readonly of: (tag: string) => Sample[];
  /** Waits until the newest sample of the tag has the value. */
  readonly sees: (tag: string, value: Sample['value']) => Promise<Sample>;
  /** Waits until the newest sample of the tag has the quality. */
  readonly turns: (tag: string, quality: string) => Promise<Sample>;
  readonly metric: (name: string) => Promise<number>;
  /** Nothing that comes from now on is in the journal before `flush`. */
  readonly holdFlush: () => void;
  readonly flush: () => void;
};

export type RigOptions = {
  readonly log?: Log;
  /** What an earlier run has left in the journal, by the name of the tag. */
  readonly kept?: Readonly<Record<string, LastKept>>;
  /** How soon the server is asked again for nodes that it refused. */
  readonly retryNodes?: NodeRetry;
};

export function createRig(devices: readonly DeviceSettings[], options: RigOptions = {}): Rig {
  const { log = silentLog, kept = {}, retryNodes = { firstMs: 100, maxMs: 400 } } = options;
  const samples: Sample[] = [];
  const declared: Declaration[] = [];
  const metrics = createMetrics();
  const certificateFolder = temporaryFolder();
  const gapFile = join(certificateFolder, 'gaps.jsonl');
  let waiting: (() => void)[] | null = null;
  const parsed = devices.map((device, position) =>
    opcuaDeviceSchema.parse({
      device: `server${position + 1}`,
      protocol: 'opcua',
      security: insecure,
      publishingMs: 50,
      samplingMs: 20,
      timeoutMs: 10_000,
      ...device,
    }),
  );
  const driver = createOpcuaDriver(
    parsed,
    {
      clock: systemClock,
      log,
      metrics,
      heldSinceMs: () => null,
      emit: (emitted) => samples.push(...emitted),
      declare: (declaration) => declared.push(declaration),
      lastKept: ({ tag }) => kept[tag] ?? null,
      standing: () => [],
      whenKept: (then) => void (waiting?.push(then) ?? setImmediate(then)),
    },
    {
      certificateFolder,
      gapFile,
      reconnect: { firstMs: 50, maxMs: 400 },
      retryNodes,
    },
  );
  const of = (tag: string): Sample[] => samples.filter((sample) => sample.tag.tag === tag);
  const newest = (tag: string, fits: (sample: Sample) => boolean): Sample | undefined => {
    const sample = of(tag).at(-1);
    return sample !== undefined && fits(sample) ? sample : undefined;
  };
  return {
    driver,
    samples,
    declared,
    certificateFolder,
    of,
    sees: (tag, value) =>
      waitFor(() => newest(tag, (sample) => Object.is(sample.value, value)), { what: `${tag} = ${value}` }),
    turns: (tag, quality) =>
      waitFor(() => newest(tag, (sample) => qualityName(sample.quality) === quality), {
        what: `${tag} to be ${quality}`,
      }),
    metric: async (name) => {
      const line = (await metrics.text()).split('\n').find((each) => each.startsWith(`${name}{`));
      return Number(line?.split(' ').at(-1) ?? 0);
    },
    holdFlush: () => {
      waiting ??= [];
    },
    flush: () => {
      for (const then of waiting ?? []) then();
      waiting = null;
    },
  };
}

/** Rigs that are started at once and closed after each test. */
export function useRigs(options: RigOptions = {}): (...devices: DeviceSettings[]) => Rig {
  const rigs: Rig[] = [];
  afterEach(async () => {
    await Promise.all(rigs.splice(0).map((rig) => rig.driver.close()));
  });
  return (...devices) => {
    const rig = createRig(devices, options);
    rigs.push(rig);
    rig.driver.start();
    return rig;
  };
}

export const plantNode = (name: string, dataType: string, value?: unknown) => ({
  namespace: 'urn:plant',
  name,
  dataType,
  value,
});

export const tagOf = (name: string, type: ValueType = 'float64', node = `nsu=urn:plant;s=${name}`) => ({
  tag: name,
  node,
  type,
});

/** Waits until a device is in trouble as the pattern says, and gives the words. */
export const trouble = (rig: Rig, pattern: RegExp): Promise<string> =>
  waitFor(
    () =>
      rig.driver
        .status()
        .map((status) => status.trouble ?? '')
        .find((text) => pattern.test(text)),
    {
      what: `the trouble ${pattern}`,
    },
  );
