import { FieldlineError } from '@fieldline/shared/contracts';
import { AttributeIds, type DataValue, type Session } from './library.ts';

export type ServerFacts = {
  /** Position is the index of the namespace until the server restarts. */
  readonly namespaces: readonly string[];
  /** What the server states, at most our own bound; learnt downwards when it refuses a call for its size. */
  itemsPerCall: number;
};

/** Small enough for servers that state no limit. */
const maxItemsPerCall = 500;

const namespaceArray = 'i=2255';
const maxMonitoredItemsPerCall = 'i=11714';

/** Read at each connect: a restart may have changed all of it. */
export async function readServerFacts(session: Session): Promise<ServerFacts> {
  const nodes = [namespaceArray, maxMonitoredItemsPerCall];
  const read: DataValue[] = await session.read(nodes.map((nodeId) => ({ nodeId, attributeId: AttributeIds.Value })));
  const [namespaces, limit]: unknown[] = read.map((data) => data.value?.value);
  if (!Array.isArray(namespaces)) {
    throw new FieldlineError('device/reply', 'the server does not tell its namespaces (i=2255): is it still starting?');
  }
  // 0, and no answer, mean that the server states no limit.
  const stated = typeof limit === 'number' && limit > 0 ? limit : maxItemsPerCall;
  return { namespaces: namespaces.map(String), itemsPerCall: Math.min(stated, maxItemsPerCall) };
}
