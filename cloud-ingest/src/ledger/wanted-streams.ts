import { defaultClass } from '@fieldline/shared/contracts';
import type { Decoded } from '../decode/decoder.ts';
import type { WantedStreams } from './ledger-store.ts';
import { isLiveOpening, type Opening } from './two-gateways.ts';

/** What has to be locked before `admit`. */
export function wantedStreams(records: readonly Decoded[]): WantedStreams {
  const streams = new Map<string, string>();
  const gateways = new Set<string>();
  const predecessors = new Set<string>();
  const openings: Opening[] = [];
  const want = (stream: string, gateway: string): void => {
    if (!streams.has(stream)) streams.set(stream, gateway);
  };
  for (const record of records) {
    if (record.kind === 'batch') {
      want(record.batch.stream, record.gateway);
      openings.push(...openingOf(record));
      if (record.batch.previous != null) {
        want(record.batch.previous.stream, record.gateway);
        predecessors.add(record.batch.previous.stream);
      }
      for (const declaration of record.batch.declared)
        if (declaration.kind === 'batches') want(declaration.stream, record.gateway);
    } else if (record.kind === 'state') {
      gateways.add(record.gateway);
      for (const { stream } of record.state.streams) want(stream, record.gateway);
    } else if (record.kind === 'reject' && record.identity !== null && record.gateway !== null) {
      want(record.identity.stream, record.gateway);
    }
  }
  return { streams, gateways: [...gateways], predecessors: [...predecessors], openings };
}

function openingOf({ gateway, batch, origin: { receivedAt } }: Extract<Decoded, { kind: 'batch' }>): Opening[] {
  if (!isLiveOpening(batch, receivedAt)) return [];
  return [{ stream: batch.stream, gateway, class: batch.class ?? defaultClass, receivedAt }];
}
