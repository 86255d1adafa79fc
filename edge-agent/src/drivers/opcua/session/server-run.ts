/** Whether a server is still the one that we knew: after a restart its subscriptions are gone, and their numbers may be those of others. */
import { AttributeIds, type Session } from '../library.ts';
import type { ServerFacts } from './server-facts.ts';

export type ServerRun = {
  /** null where the server does not tell. */
  readonly startedMs: number | null;
  readonly facts: ServerFacts;
};

/** Server_ServerStatus_StartTime */
const startTime = 'i=2257';

export async function readServerRun(session: Pick<Session, 'read'>, facts: ServerFacts): Promise<ServerRun> {
  const read = await session.read({ nodeId: startTime, attributeId: AttributeIds.Value });
  const started: unknown = read.value?.value;
  return { startedMs: started instanceof Date ? started.getTime() : null, facts };
}

/** Namespaces that a running server adds come last: those that had an index keep it. */
export const isSameRun = (before: ServerRun, now: ServerRun): boolean =>
  before.startedMs === now.startedMs &&
  before.facts.namespaces.every((uri, index) => now.facts.namespaces[index] === uri);
