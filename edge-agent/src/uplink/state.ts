import { existsSync } from 'node:fs';
import {
  type Micros,
  maxRangesListed,
  maxStreamsListed,
  messageVersion,
  type StateMessage,
} from '@fieldline/shared/contracts';
import type { HeldStream } from '../journal/holdings.ts';

export type StateFacts = Pick<StateMessage, 'gateway' | 'agent' | 'configFingerprint' | 'confirm' | 'clock'>;

/** The retained state of a gateway: its newest streams with what is held of each. */
export const stateMessage = (
  facts: StateFacts,
  reason: StateMessage['reason'],
  streams: readonly HeldStream[],
  at: Micros,
): StateMessage => ({
  v: messageVersion,
  ...facts,
  online: reason === 'started' || reason === 'running',
  reason,
  at,
  streams: streams.slice(-maxStreamsListed).map(({ stream, last, held }) => ({
    stream,
    first: 1,
    last,
    held: held.slice(0, maxRangesListed),
  })),
});

/** systemd-timesyncd and others leave this file once the clock was set from a server. Without it nobody knows. */
export const clockState = (): StateMessage['clock'] =>
  existsSync('/run/systemd/timesync/synchronized') ? 'synchronised' : 'unknown';
