/**
 * Composition: which parts a role has, in the order in which they start; they are closed in the reverse order. Nothing else
 * in the program knows of all parts.
 */
import type { IngestConfig } from '@fieldline/shared/config';
import { backboneTopics } from '@fieldline/shared/contracts';
import {
  type Clock,
  createHealth,
  createMetrics,
  type Health,
  Lifecycle,
  type Log,
  type Metrics,
  type OpsServer,
  startOpsServer,
} from '@fieldline/shared/runtime';
import { type Api, startApi } from './api/api.ts';
import type { Backbone } from './backbone/backbone.ts';
import { openBackbone } from './backbone/open-backbone.ts';
import { startBridge } from './bridge/bridge.ts';
import { databaseDeadLetters } from './dead-letters/sink.ts';
import { createAckPublisher } from './mqtt/ack-publisher.ts';
import { boundHeap } from './processor/bound-heap.ts';
import { type Processor, startProcessor } from './processor/processor.ts';
import type { Role } from './role.ts';
import { openStore } from './store/connection.ts';
import { migrate } from './store/migrate.ts';
import { untilAvailable } from './until-available.ts';

export type RoleParts = {
  readonly config: IngestConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends a start that still waits for the database or for Kafka. */
  readonly signal: AbortSignal;
};

export type RunningRole = {
  readonly ops: OpsServer;
  /** null for a role without the API. */
  readonly api: Api | null;
  /** Rejected by what a part cannot go on from; never settles for a role that has no end of its own. */
  readonly done: Promise<void>;
  /** Idempotent. */
  readonly close: () => Promise<void>;
};

type Start = RoleParts & {
  readonly lifecycle: Lifecycle;
  readonly metrics: Metrics;
  readonly health: Health;
  /** What the start waits for, shown by the health; null when it waits for nothing. */
  readonly waitFor: (trouble: string | null) => void;
};

/** @throws FieldlineError: what retrying does not mend (a refused password, a port in use, a topic that is unfit) */
export async function startRole(role: Role, parts: RoleParts): Promise<RunningRole> {
  const lifecycle = new Lifecycle();
  const metrics = createMetrics();
  const health = createHealth();
  let waitingFor: string | null = 'starting';
  health.ready.push({ name: 'start', trouble: () => waitingFor });
  const waitFor = (trouble: string | null): void => {
    waitingFor = trouble;
  };
  const start: Start = { ...parts, lifecycle, metrics, health, waitFor };
  try {
    const ops = await startOpsServer(parts.config.http, metrics, health);
    lifecycle.add('ops server', ops.close);
    const { api, processor } = await startParts(role, start);
    waitingFor = null;
    parts.log.info({ role, opsPort: ops.port, ...(api === null ? {} : { api: api.url }) }, 'started');
    return { ops, api, done: processor?.done ?? new Promise(() => {}), close: () => lifecycle.close() };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

type Started = { readonly api: Api | null; readonly processor: Processor | null };

/** The bridge comes before the processor: it fills the backbone also while the database is away. */
async function startParts(role: Role, start: Start): Promise<Started> {
  switch (role) {
    case 'bridge':
      addBridge(start, await addBackbone(start));
      return { api: null, processor: null };
    case 'processor':
      return { api: null, processor: await addProcessor(start, await addBackbone(start)) };
    case 'api':
      return { api: await addApi(start), processor: null };
    case 'all': {
      const backbone = await addBackbone(start);
      addBridge(start, backbone);
      const processor = await addProcessor(start, backbone);
      return { api: await addApi(start), processor };
    }
  }
}

async function addBackbone(start: Start): Promise<Backbone> {
  const { config, clock, lifecycle } = start;
  const backbone = await openBackbone(config.backbone, clock, start.log.child({ part: 'backbone' }));
  lifecycle.add('backbone', backbone.close);
  await untilAvailable(start, () => backbone.ensureTopic(backboneTopics.raw));
  return backbone;
}

function addBridge({ config, clock, log, lifecycle, metrics, health }: Start, backbone: Backbone): void {
  const store = openStore(config.database, 'fieldline-bridge', 1);
  lifecycle.add('database of the bridge', store.close);
  const bridge = startBridge({
    config,
    backbone,
    deadLetter: databaseDeadLetters(store),
    clock,
    log: log.child({ part: 'bridge' }),
    metrics,
    health,
  });
  lifecycle.add('bridge', bridge.close);
}

async function addProcessor(start: Start, backbone: Backbone): Promise<Processor> {
  boundHeap();
  const { config, clock, signal, lifecycle, metrics, health } = start;
  const log = start.log.child({ part: 'processor' });
  await untilAvailable(start, () => migrate(config.database, log));
  const acknowledgements = createAckPublisher({ config: config.mqtt, clock, log, metrics, health });
  lifecycle.add('acknowledgements', acknowledgements.close);
  const { publish: acknowledge, retained } = acknowledgements;
  const parts = { config, backbone, acknowledge, retained, clock, log, metrics, health };
  const processor = await startProcessor(parts, signal);
  lifecycle.add('processor', processor.close);
  return processor;
}

async function addApi({ config, clock, log, lifecycle, metrics, health }: Start): Promise<Api> {
  const api = await startApi({ config, clock, log: log.child({ part: 'api' }), metrics, health });
  lifecycle.add('api', api.close);
  return api;
}
