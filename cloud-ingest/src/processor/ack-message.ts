import {
  type AckMessage,
  encodeMessage,
  type Micros,
  maxBatchBytes,
  maxRangesListed,
  maxStreamsListed,
  messageVersion,
  type Ranges,
} from '@fieldline/shared/contracts';
import { type StreamRow, settledOf } from '../ledger/stream-row.ts';

export type AckStream = Pick<StreamRow, 'stream' | 'committed' | 'declared' | 'dead'> & { readonly ask: Ranges };

/**
 * The commit acknowledgement of a gateway. `streams`: those that matter most first. Lists are cut where they pass the bounds
 * of the message; what is cut is said next time, when the rest is settled.
 */
export function ackMessageOf(
  gateway: string,
  streams: readonly AckStream[],
  about: { readonly incarnation: string; readonly at: Micros; readonly lagging: boolean },
): AckMessage {
  for (let maxRanges = maxRangesListed; ; maxRanges = maxRanges >> 1) {
    const message: AckMessage = {
      v: messageVersion,
      gateway,
      ...about,
      streams: streams.slice(0, maxStreamsListed).map((row) => ({
        stream: row.stream,
        committed: settledOf(row).slice(0, maxRanges),
        ask: row.ask.slice(0, maxRanges),
      })),
    };
    if (maxRanges <= 1 || encodeMessage(message).length <= maxBatchBytes) return message;
  }
}
