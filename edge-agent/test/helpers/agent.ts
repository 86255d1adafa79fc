import { type EdgeConfig, edgeSchema } from '@fieldline/shared/config';
import type { Sample, Tag, Value } from '@fieldline/shared/contracts';
import {
  type Clock,
  createHealth,
  createMetrics,
  type Log,
  report,
  silentLog,
  systemClock,
} from '@fieldline/shared/runtime';
import { startAgent } from '../../src/agent.ts';
import type { Driver, DriverContext } from '../../src/drivers/driver.ts';
import type { Boot } from '../../src/journal/undated/boot.ts';
import { numberTag, testGateway } from './journal.ts';

type Changes = {
  readonly uplink?: Record<string, unknown>;
  readonly journal?: Record<string, unknown>;
  readonly devices?: unknown[];
};

export const edgeConfig = (
  broker: string | readonly string[],
  { uplink, journal, devices }: Changes = {},
): EdgeConfig =>
  edgeSchema.parse({
    gateway: testGateway,
    http: { port: 0 },
    uplink: { broker, resendAfterMs: 1_000, ...uplink },
    journal: { flushMs: 50, survives: 'process-crash', ...journal },
    devices: devices ?? [
      {
        device: numberTag.device,
        protocol: 'modbus',
        link: { kind: 'tcp', host: '127.0.0.1' },
        tags: [
          {
            tag: numberTag.tag,
            address: 0,
            type: 'float64',
            unit: 'bar',
            description: 'Level',
            minimum: 0,
            maximum: 10,
          },
        ],
      },
    ],
  });

/** An agent whose only driver gives what the test hands to it. */
export async function startTestAgent(
  folder: string,
  config: EdgeConfig,
  log: Log = silentLog,
  clock: Clock = systemClock,
  boot?: Boot,
) {
  let context: DriverContext | undefined;
  const driver: Driver = {
    tags: [numberTag],
    requests: [],
    start: () => {},
    status: () => [],
    close: async () => {},
  };
  const health = createHealth();
  const metrics = createMetrics();
  const agent = await startAgent(config, {
    clock,
    ...(boot === undefined ? {} : { boot }),
    log,
    metrics,
    health,
    configFolder: folder,
    closeTimeoutMs: 3_000,
    loadDriver: async (_protocol, _devices, given) => {
      context = given;
      return driver;
    },
  });
  return {
    ...agent,
    emit: (values: readonly Value[], tag: Tag = numberTag) => {
      context?.emit(values.map((value): Sample => ({ tag, time: clock.now(), value, quality: 0 })));
    },
    whenKept: (then: () => void) => context?.whenKept(then),
    lastKept: (tag: Tag) => context?.lastKept(tag) ?? null,
    troubles: () => report(health.ready).troubles,
    notes: () => report(health.ready).notes ?? {},
    metric: async (name: string): Promise<number> =>
      Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await metrics.text())?.[1] ?? Number.NaN),
  };
}

/** Numbers `from` up to and without `to`. */
export const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);
