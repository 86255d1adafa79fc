/** What a server tells whoever asks: the endpoints that it offers, and the servers that it knows. Nobody logs in, nothing is kept. */

import type { EndpointDescription } from '../library.ts';
import { redirectLibraryMessages } from '../library.ts';
import type { EndpointPlan, Identity } from '../plan.ts';
import { explainFailure } from '../trouble.ts';
import { passingCertificate } from '../trust/own-certificate.ts';
import { chooseEndpoint } from './endpoint-choice.ts';
import { askServer } from './session.ts';

export type Discovered = {
  readonly endpoints: readonly EndpointDescription[];
  /** null: it does not tell. */
  readonly servers: readonly EndpointDescription['server'][] | null;
};

/** @throws FieldlineError device/… */
export async function discover(
  endpoint: string,
  { timeoutMs, now, signal }: { readonly timeoutMs: number; readonly now: Date; readonly signal: AbortSignal },
): Promise<Discovered> {
  redirectLibraryMessages(() => {});
  const plan: EndpointPlan = {
    endpoint,
    security: null,
    identity: { kind: 'anonymous' },
    timeoutMs,
    subscriptions: [],
  };
  try {
    return await askServer(plan, await passingCertificate(now), signal, async (client) => ({
      endpoints: await client.getEndpoints(),
      servers: await client.findServers().catch(() => null),
    }));
  } catch (error) {
    throw explainFailure(error, plan, '');
  }
}

const identities: readonly Identity[] = [
  { kind: 'anonymous' },
  { kind: 'password', name: '', passwordFile: '', inClearText: false },
  { kind: 'certificate', certificateFile: '', keyFile: '' },
];

/** For whom of anonymous, password and certificate the agent takes which endpoint, where the settings state no security. */
export function choices(endpoints: readonly EndpointDescription[]): Map<EndpointDescription, Identity['kind'][]> {
  const chosen = new Map<EndpointDescription, Identity['kind'][]>();
  for (const identity of identities) {
    const endpoint = chosenFor(identity, endpoints);
    if (endpoint !== null) chosen.set(endpoint, [...(chosen.get(endpoint) ?? []), identity.kind]);
  }
  return chosen;
}

function chosenFor(identity: Identity, endpoints: readonly EndpointDescription[]): EndpointDescription | null {
  try {
    return chooseEndpoint({ security: null, identity }, endpoints).endpoint;
  } catch {
    return null;
  }
}
