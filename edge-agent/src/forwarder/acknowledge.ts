import {
  type AckMessage,
  emptyRanges,
  intersectRanges,
  type Ranges,
  subtractRanges,
  unionRanges,
} from '@fieldline/shared/contracts';

type Known = { readonly stream: string; readonly last: number; readonly held: Ranges; readonly confirmed: Ranges };
type Part = { readonly stream: string; readonly ranges: Ranges };

export type Consequences = {
  readonly isNewIncarnation: boolean;
  readonly confirm: readonly Part[];
  /** Confirmed by another database, but not by this one. */
  readonly doubt: readonly Part[];
  /** Asked for and held: to be sent at once. */
  readonly send: readonly Part[];
  /** Asked for, not confirmed and not held: to be declared. */
  readonly lost: readonly Part[];
};

/**
 * What follows from an acknowledgement. Streams that are not ours are left alone: a cloned gateway shares the topic, and
 * nobody declares lost what another holds. Pure.
 */
export function consequencesOf(ack: AckMessage, known: readonly Known[], incarnation: string | null): Consequences {
  const isNewIncarnation = incarnation !== null && incarnation !== ack.incarnation;
  const listed = new Map(ack.streams.map((stream) => [stream.stream, stream]));
  const parts = (rangesOf: (stream: Known, committed: Ranges, ask: Ranges) => Ranges): Part[] =>
    known
      .map((own) => {
        const { committed, ask } = listed.get(own.stream) ?? { committed: emptyRanges, ask: emptyRanges };
        const given = intersectRanges(subtractRanges(ask, committed), own.last > 0 ? [[1, own.last]] : emptyRanges);
        return { stream: own.stream, ranges: rangesOf(own, committed, given) };
      })
      .filter(({ ranges }) => ranges.length > 0);
  const stillConfirmed = (own: Known, committed: Ranges): Ranges =>
    isNewIncarnation ? committed : unionRanges(own.confirmed, committed);
  return {
    isNewIncarnation,
    confirm: parts((_, committed) => committed),
    doubt: isNewIncarnation ? parts((own, committed) => subtractRanges(own.confirmed, committed)) : [],
    send: parts((own, committed, ask) =>
      subtractRanges(intersectRanges(ask, own.held), stillConfirmed(own, committed)),
    ),
    lost: parts((own, committed, ask) => subtractRanges(subtractRanges(ask, own.held), stillConfirmed(own, committed))),
  };
}
