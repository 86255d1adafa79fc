import { FieldlineError } from '@fieldline/shared/contracts';
import { AttributeIds, type DataValue, type Session } from '../library.ts';
import { type CallLimit, callLimit, inCalls } from './call-limit.ts';

export type ServerFacts = {
  /** Position is the index of the namespace until the server restarts. */
  namespaces: readonly string[];
  readonly limits: ServerLimits;
};

export type ServerLimits = {
  readonly read: CallLimit;
  /** Items that are created, modified or deleted. */
  readonly monitor: CallLimit;
  readonly browse: CallLimit;
  readonly translate: CallLimit;
  readonly historyRead: CallLimit;
  /** null: the server states none. */
  readonly itemsPerSubscription: number | null;
};

type Reads = Pick<Session, 'read'>;

/** Server_NamespaceArray, and what stands below Server_ServerCapabilities (OPC 10000-5 6.3.2 and 6.3.11). */
const ids = {
  namespaceArray: 'i=2255',
  nodesPerRead: 'i=11705',
  nodesPerBrowse: 'i=11710',
  nodesPerTranslate: 'i=11712',
  itemsPerCall: 'i=11714',
  nodesPerHistoryRead: 'i=12165',
  subscriptionsPerSession: 'i=24098',
  itemsPerSubscription: 'i=24104',
} as const;

/** null for what the server does not state. */
export type StatedLimits = {
  readonly nodesPerRead: number | null;
  readonly itemsPerCall: number | null;
  readonly nodesPerBrowse: number | null;
  readonly nodesPerTranslate: number | null;
  readonly nodesPerHistoryRead: number | null;
  readonly itemsPerSubscription: number | null;
  readonly subscriptionsPerSession: number | null;
};

/** Read at each connect: a restart may have changed all of it. */
export async function readServerFacts(session: Reads): Promise<ServerFacts> {
  const namespaces = await readNamespaces(session);
  const { stated, read } = await readStatedLimits(session);
  return {
    namespaces,
    limits: {
      read,
      monitor: callLimit(stated.itemsPerCall),
      browse: callLimit(stated.nodesPerBrowse),
      translate: callLimit(stated.nodesPerTranslate),
      historyRead: callLimit(stated.nodesPerHistoryRead),
      itemsPerSubscription: stated.itemsPerSubscription,
    },
  };
}

/** `read`: also what the reading of the others has taught. */
export async function readStatedLimits(session: Reads): Promise<{ stated: StatedLimits; read: CallLimit }> {
  const [nodesPerRead = null] = await readNumbers(session, { atOnce: 1 }, [ids.nodesPerRead]);
  const read = callLimit(nodesPerRead);
  const [
    itemsPerCall = null,
    nodesPerBrowse = null,
    nodesPerTranslate = null,
    nodesPerHistoryRead = null,
    itemsPerSubscription = null,
    subscriptionsPerSession = null,
  ] = await readNumbers(session, read, [
    ids.itemsPerCall,
    ids.nodesPerBrowse,
    ids.nodesPerTranslate,
    ids.nodesPerHistoryRead,
    ids.itemsPerSubscription,
    ids.subscriptionsPerSession,
  ]);
  const perCall = { nodesPerRead, itemsPerCall, nodesPerBrowse, nodesPerTranslate, nodesPerHistoryRead };
  return { stated: { ...perCall, itemsPerSubscription, subscriptionsPerSession }, read };
}

/** Position is the index of the namespace. A server may add some while it runs. */
export async function readNamespaces(session: Reads): Promise<readonly string[]> {
  const [read] = await readValues(session, { atOnce: 1 }, [ids.namespaceArray]);
  const namespaces: unknown = read?.value?.value;
  if (Array.isArray(namespaces)) return namespaces.map(String);
  throw new FieldlineError('device/reply', 'the server does not tell its namespaces (i=2255): is it still starting?');
}

/** null for what the server does not state: it has no such node, or 0 there. */
async function readNumbers(session: Reads, limit: CallLimit, nodes: readonly string[]): Promise<(number | null)[]> {
  const read = await readValues(session, limit, nodes);
  return read.map((data) => {
    const number: unknown = data.value?.value;
    return typeof number === 'number' && number > 0 ? number : null;
  });
}

const readValues = (session: Reads, limit: CallLimit, nodes: readonly string[]): Promise<DataValue[]> =>
  inCalls(
    limit,
    nodes,
    async (some): Promise<DataValue[]> =>
      session.read(some.map((nodeId) => ({ nodeId, attributeId: AttributeIds.Value }))),
  );
