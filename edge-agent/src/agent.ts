/** The agent: all its parts put together. drivers → poller → filter → journal ⇒ forwarder → uplink. */
import { randomUUID } from 'node:crypto';
import type { EdgeConfig } from '@fieldline/shared/config';
import type { Sample } from '@fieldline/shared/contracts';
import {
  type Clock,
  type Download,
  type Health,
  Lifecycle,
  type Log,
  type Metrics,
  pause,
  startOpsServer,
} from '@fieldline/shared/runtime';
import manifest from '../package.json' with { type: 'json' };
import { classesOf } from './classes.ts';
import { auditBirth, auditTag } from './commander/audit.ts';
import type { Commander } from './commander/commander.ts';
import { configFingerprint } from './config-fingerprint.ts';
import { deviceTroubles, notesOf, watchDevices } from './device-status.ts';
import type { Driver, DriverContext } from './drivers/driver.ts';
import { type DriverOptions, loadDriver, type Protocol, protocolsOf, rememberedOf } from './drivers/registry.ts';
import { errorFields } from './error-fields.ts';
import { createFilter } from './filter/filter.ts';
import { filterSettings } from './filter/settings.ts';
import { Forwarder } from './forwarder/forwarder.ts';
import { KeptCalls } from './journal/kept-calls.ts';
import { Recorder } from './journal/recorder.ts';
import { thinToMsOf } from './journal/thinning/settings.ts';
import { type Boot, isBelieved, systemBoot } from './journal/undated/boot.ts';
import { lagMsOf } from './lag.ts';
import { createPoller } from './poller/poller.ts';
import { certificateFolder, commandFile, gapFile, learnedFile, resolvePaths } from './resolve-paths.ts';
import { StallWatch } from './stall-watch.ts';
import { birthMessages, describeDevices } from './uplink/births.ts';
import { clockState, stateMessage } from './uplink/state.ts';
import { Uplink } from './uplink/uplink.ts';

export type AgentParts = {
  readonly clock: Clock;
  /** By default that of the machine. */
  readonly boot?: Boot;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Of the settings file: its relative paths begin here. */
  readonly configFolder: string;
  /** Where drivers come from; by default the registry. */
  readonly loadDriver?: typeof loadDriver;
  /** How long an orderly stop waits for the last batches to be confirmed. */
  readonly closeTimeoutMs?: number;
  /** Gets what the patterns of the settings stand for, whenever that was looked up. */
  readonly takeFound?: DriverOptions['takeFound'];
};

export type Agent = {
  /** Of /metrics and /health; null where it could not be opened. */
  readonly httpPort: number | null;
  /** Stops reading, sends what it has within its time (or `drainMs`), says `stopped`. Idempotent. */
  readonly close: (drainMs?: number) => Promise<void>;
};

/** Batches in memory while the disk takes none. */
const memoryBytes = 32 * 1024 * 1024;
/** A heavy library, as those of other protocols and of MQTT, holds up everything while it is loaded: the devices are asked by then. */
const headStartMs = 50;

/** @throws FieldlineError journal/in-use, journal/foreign */
export async function startAgent(settings: EdgeConfig, parts: AgentParts): Promise<Agent> {
  const { clock, log, metrics, health, closeTimeoutMs = 5_000 } = parts;
  const config = resolvePaths(settings, parts.configFolder);
  const { gateway, uplink: uplinkConfig, journal: journalConfig, devices } = config;
  const random = Math.random;
  const life = new Lifecycle();
  const takesCommands = config.commands.enabled;
  const classes = classesOf(devices, takesCommands ? [[auditTag, 'alarm']] : []);
  const recorder = Recorder.open({
    ...journalConfig,
    gateway,
    classes: classes.inUse,
    lagMs: lagMsOf(devices),
    thinToMs: thinToMsOf(devices),
    ...rememberedOf(devices),
    compression: uplinkConfig.compression,
    maxBatchBytes: uplinkConfig.maxBatchBytes,
    memoryBytes,
    newStream: randomUUID,
    boot: parts.boot ?? systemBoot(),
    clock,
    log,
    metrics,
  });
  const { journal } = recorder;
  life.add('journal', () => recorder.close());
  health.ready.push({ name: 'journal', trouble: () => recorder.trouble(), note: () => recorder.note() });

  let drainForMs = closeTimeoutMs;
  const drivers: Driver[] = [];
  /** As soon as there are drivers. */
  let commander: Commander | null = null;
  life.add('command store', () => commander?.end());
  const facts = {
    gateway,
    agent: `fieldline-edge ${manifest.version}`,
    configFingerprint: configFingerprint(settings),
    confirm: uplinkConfig.confirm,
    clock: clockState(),
  };
  const uplink: Uplink = new Uplink({
    gateway,
    uplink: uplinkConfig,
    stateOf: (reason) => stateMessage({ ...facts, clock: clockState() }, reason, journal.streams(), clock.now()),
    births: () =>
      birthMessages(gateway, [
        ...describeDevices(
          devices,
          drivers.flatMap(({ tags }) => tags),
          takesCommands,
        ),
        ...(takesCommands ? [auditBirth] : []),
      ]),
    onConnected: (link, answer) => {
      forwarder.connected(link);
      commander?.connected(answer);
    },
    onDisconnected: () => {
      forwarder.disconnected();
      commander?.disconnected();
    },
    onAck: (ack) => forwarder.acknowledge(ack),
    onCommand: takesCommands ? (bytes, isRetained) => commander?.take(bytes, isRetained) : null,
    random,
    clock,
    log,
    metrics,
  });
  const forwarder: Forwarder = new Forwarder({
    journal,
    confirm: uplinkConfig.confirm,
    maxInFlight: uplinkConfig.maxInFlight,
    resendAfterMs: uplinkConfig.resendAfterMs,
    backlog: uplinkConfig.backlog,
    onNewIncarnation: () => uplink.announce(),
    random,
    clock,
    log,
    metrics,
  });
  life.add('uplink', () => uplink.close());
  health.ready.push({ name: 'uplink', trouble: () => uplink.trouble(), note: () => uplink.note() });

  const kept = new KeptCalls();
  const handOver = (): (() => void)[] => [commander?.handOver() ?? (() => undefined), kept.handOver()];
  const flush = async (): Promise<void> => {
    const handedOver = handOver();
    forwarder.offer(await recorder.flush());
    for (const each of handedOver) each();
  };
  const flushing = setInterval(flush, journalConfig.flushMs);
  life.add('forwarder', async () => {
    clearInterval(flushing);
    const handedOver = handOver();
    forwarder.offer(recorder.finish());
    for (const each of handedOver) each();
    await forwarder.drained(AbortSignal.timeout(drainForMs));
    forwarder.close();
  });

  const read = metrics.counter('fieldline_agent_samples_read_total', 'Samples that the drivers have given');
  const filtered = metrics.counter('fieldline_agent_samples_filtered_total', 'Samples that the filter has held back');
  const filter = createFilter(filterSettings(devices));
  // Late samples are compared among themselves: the newest of a tag stays what the next live one is compared with.
  const lateFilter = createFilter(filterSettings(devices));
  const take = (samples: readonly Sample[], order?: 'late'): void => {
    read.inc(samples.length);
    for (const [tagClass, some] of classes.apart(samples)) {
      const passed = order === 'late' ? lateFilter(some) : filter(some);
      filtered.inc(some.length - passed.length);
      recorder.record(passed, some.length - passed.length, tagClass);
    }
    if (recorder.isFull) void flush();
  };
  const stalls = new StallWatch(clock, metrics);
  life.add('stall watch', () => stalls.close());
  const context: DriverContext = {
    clock,
    log,
    metrics,
    emit: take,
    heldSinceMs: (sinceMs) => stalls.heldSinceMs(sinceMs),
    declare: (declaration) => recorder.declare(declaration),
    whenKept: (then) => {
      kept.add(then);
      if (kept.isFull) void flush();
    },
    lastKept: (tag) => journal.lastKept(tag),
    standing: (tag) => journal.standing(tag),
  };
  const poller = createPoller({ clock, onSamples: take, metrics, log });
  life.add('drivers', async () => {
    await Promise.all(drivers.map((driver) => driver.close()));
  });
  life.add('poller', () => poller.close());
  for (const protocol of protocolsOf(devices)) {
    const driver = await loadOne(protocol, config, context, parts);
    if (driver === null) continue;
    drivers.push(driver);
    driver.onReplanned?.(poller.replace);
    driver.start();
    poller.start(driver.requests);
    await pause(headStartMs);
  }
  commander = takesCommands ? await startCommander(config, drivers, take, parts) : null;
  life.add('commands', () => commander?.close());
  health.ready.push({ name: 'commands', trouble: () => commander?.trouble() ?? null });
  life.add('device status', watchDevices(drivers, metrics));
  health.ready.push({ name: 'devices', trouble: () => null, note: () => deviceTroubles(drivers) });
  health.ready.push({ name: 'turns', trouble: () => null, note: () => poller.note() });
  health.ready.push({ name: 'lines', trouble: () => null, note: () => notesOf(drivers) });
  uplink.start();
  const downloads = drivers.flatMap((driver) => driver.downloads ?? []);
  const httpPort = await openOps(config, parts, downloads, life);
  log.info(
    { gateway, devices: devices.length, tags: drivers.reduce((sum, { tags }) => sum + tags.length, 0) },
    'reading',
  );
  const close = (drainMs = closeTimeoutMs): Promise<void> => {
    drainForMs = drainMs;
    return life.close();
  };
  return { httpPort, close };
}

/** Loaded only where commands are taken. */
async function startCommander(
  config: EdgeConfig,
  drivers: readonly Driver[],
  emit: DriverContext['emit'],
  { clock, log, metrics }: AgentParts,
): Promise<Commander> {
  const [{ Commander }, { findTargets }] = await Promise.all([
    import('./commander/commander.ts'),
    import('./commander/targets.ts'),
  ]);
  return Commander.start({
    gateway: config.gateway,
    settings: config.commands,
    file: commandFile(config),
    findTarget: findTargets(config.devices, drivers),
    emit,
    isClockSet: isBelieved,
    clock,
    log,
    metrics,
  });
}

/** A driver that cannot be loaded is logged and stands in the health report; the others go on. */
async function loadOne(
  protocol: Protocol,
  config: EdgeConfig,
  context: DriverContext,
  parts: AgentParts,
): Promise<Driver | null> {
  const load = parts.loadDriver ?? loadDriver;
  try {
    return await load(protocol, config.devices, context, {
      certificateFolder: certificateFolder(config),
      flightRecorder: config.flightRecorder,
      learnedFile: learnedFile(config),
      gapFile: gapFile(config),
      takeFound: parts.takeFound,
    });
  } catch (error) {
    const trouble = `the ${protocol} driver cannot start: ${error instanceof Error ? error.message : String(error)}`;
    context.log.error({ ...errorFields(error), protocol }, trouble);
    parts.health.ready.push({ name: `driver ${protocol}`, trouble: () => trouble });
    return null;
  }
}

/** A port that is taken costs the metrics, not the data. */
async function openOps(
  config: EdgeConfig,
  { metrics, health, log }: AgentParts,
  downloads: readonly Download[],
  life: Lifecycle,
): Promise<number | null> {
  try {
    const server = await startOpsServer(config.http, metrics, health, downloads);
    life.add('http', () => server.close());
    return server.port;
  } catch (error) {
    log.error(
      errorFields(error),
      `no metrics and no health report: ${error instanceof Error ? error.message : String(error)}`,
    );
    return null;
  }
}
