import type { OpcuaDevice } from '@fieldline/shared/config';
import type { BackoffOptions } from '@fieldline/shared/runtime';
import type { Driver, DriverContext } from '../driver.ts';
import { type Commandable, createCommandable } from './commands/commandable.ts';
import { type ConnectionOptions, createConnection } from './connection.ts';
import { declareForgotten, openGapNotes } from './history/gap-notes.ts';
import type { NodeRetry } from './items/desired-items.ts';
import { redirectLibraryMessages } from './library.ts';
import { createOpcuaMetrics } from './metrics.ts';
import { createExpander, type TakeFound } from './nodes/expander.ts';
import { planEndpoints } from './plan.ts';
import { createCertificateStore } from './trust/certificates.ts';

export type OpcuaDriverOptions = {
  /** Our own certificate and those of servers; made when it is missing. */
  readonly certificateFolder: string;
  /** Says over restarts which times of tags may still miss values. */
  readonly gapFile: string;
  /** Pauses between attempts to connect. */
  readonly reconnect?: BackoffOptions;
  /** Pauses between attempts to get the nodes that the server refuses. */
  readonly retryNodes?: NodeRetry;
  /** Gets what the patterns of a device stand for, whenever that was looked up. */
  readonly takeFound?: TakeFound | undefined;
};

const renewalCheckEveryMs = 12 * 3_600_000;
/** Of a hundred servers nobody reads all. */
const mostNotes = 20;

function noteOf(notes: readonly (string | null)[]): string | null {
  const said = [...new Set(notes.filter((note) => note !== null))];
  const more = said.length > mostNotes ? [`and ${said.length - mostNotes} more`] : [];
  return said.length === 0 ? null : [...said.slice(0, mostNotes), ...more].join('; ');
}

function inOne(troubles: readonly (string | null)[]): string | null {
  const said = troubles.filter((trouble) => trouble !== null);
  return said.length === 0 ? null : said.join('; ');
}

export function createOpcuaDriver(
  devices: readonly OpcuaDevice[],
  context: DriverContext,
  options: OpcuaDriverOptions,
): Driver {
  const {
    certificateFolder,
    gapFile,
    reconnect = { firstMs: 1_000, maxMs: 30_000 },
    retryNodes = { firstMs: 5_000, maxMs: 300_000 },
    takeFound = () => [],
  } = options;
  redirectLibraryMessages((message) => context.log.debug({ library: 'node-opcua' }, message));
  const certificates = createCertificateStore(certificateFolder, context.clock.now, context.log);
  const plans = planEndpoints(devices);
  const metrics = createOpcuaMetrics(context.metrics);
  const gapNotes = openGapNotes(gapFile, context.log);
  const expanders = plans.map(({ subscriptions }) => {
    const names = new Set(subscriptions.map(({ device }) => device));
    const own = devices.filter(({ device }) => names.has(device));
    return createExpander(own, context.log, takeFound, retryNodes);
  });
  const connections = plans.map((plan, position) => {
    const names = plan.subscriptions.map(({ device }) => device);
    const onLive: ConnectionOptions['onLive'] = (live, signal) => commandable.onLive(names, live, signal);
    const expander = expanders[position];
    return createConnection(plan, context, metrics, {
      certificates,
      reconnect,
      retryNodes,
      gapNotes,
      onLive,
      expander,
    });
  });
  const places = connections.flatMap((connection, position) =>
    (plans[position]?.subscriptions ?? []).map((plan) => ({ plan, connection })),
  );
  const commandable: Commandable = createCommandable(devices, places, context, retryNodes);
  let renewing: NodeJS.Timeout | null = null;
  /** Where it cannot be made, each connection says so. */
  const tend = async (): Promise<void> => {
    const own = await certificates.open().catch(() => []);
    const end = own.at(-1)?.certificate.validToDate.getTime();
    if (end !== undefined) metrics.ownCertificateEnds.set(end / 1_000);
  };
  return {
    tags: [
      ...places.flatMap(({ plan }) => plan.items.flatMap(({ members }) => members.map(({ tag }) => tag))),
      ...commandable.tags,
    ],
    requests: [],
    writer: commandable.writer,
    start: () => {
      declareForgotten(gapNotes, new Set(devices.map(({ device }) => device)), context);
      for (const connection of connections) connection.start();
      // A connection may last for months: it must not keep the successor of our certificate from being made and told.
      void tend();
      renewing = setInterval(tend, renewalCheckEveryMs);
    },
    status: () =>
      connections
        .flatMap((connection) => connection.status())
        .map((status) =>
          status.state === 'connected'
            ? { ...status, trouble: inOne([status.trouble, commandable.troubleOf(status.device)]) }
            : status,
        ),
    note: () =>
      noteOf([
        certificates.note(),
        gapNotes.trouble(),
        ...connections.flatMap((connection) => connection.notes()),
        ...expanders.map((expander) => expander.note()),
      ]),
    close: async () => {
      if (renewing !== null) clearInterval(renewing);
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
}
