/** What a bridge subscribes to, alone or as one of a share group. */
import { hostname } from 'node:os';
import { bridgeFilters, FieldlineError } from '@fieldline/shared/contracts';
import type { Session } from '../mqtt/session.ts';

const unauthorised = 0x80;

/** Bridges of a group need a session each: one that finds its own again after a restart. */
export const ownClientId = (): string =>
  `fieldline-bridge-${hostname().replace(/[^A-Za-z0-9._:-]/g, '-')}`.slice(0, 64);

const filtersOf = (shareGroup: string | undefined): string[] =>
  bridgeFilters().map((filter) => (shareGroup === undefined ? filter : `$share/${shareGroup}/${filter}`));

/**
 * At every connect, also to a session that the broker kept: Mosquitto 2.0.11 loses a shared subscription over a restart.
 * @throws FieldlineError broker/refused
 */
export async function subscribe({ client, protocol }: Session, shareGroup: string | undefined): Promise<void> {
  const shared = client.serverProperties?.sharedSubscriptionAvailable;
  if (shareGroup !== undefined && protocol === '5' && shared === false) {
    throw new FieldlineError('broker/refused', 'the broker has no shared subscriptions: leave out mqtt.shareGroup');
  }
  const filters = filtersOf(shareGroup);
  const granted = await client.subscribeAsync(filters, { qos: 1 }).catch((error: unknown) => {
    throw subscriptionRefused(filters, error);
  });
  if (granted.some(({ qos }) => qos >= unauthorised)) throw subscriptionRefused(filters, null);
}

/** What comes from now on goes to the others of the group. */
export async function unsubscribe({ client }: Session, shareGroup: string): Promise<void> {
  await client.unsubscribeAsync(filtersOf(shareGroup)).catch(() => {
    // The connection is lost: what the broker keeps for us it sends in our next session.
  });
}

const subscriptionRefused = (filters: readonly string[], cause: unknown): FieldlineError =>
  new FieldlineError(
    'broker/refused',
    `the broker refuses the subscription to ${filters.join(', ')}: give the user of the bridge the right to read them`,
    { cause },
  );
