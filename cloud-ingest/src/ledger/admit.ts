/**
 * Which records of a transaction are new, which came before, and what each changes in the ledger. Works on the rows that
 * the transaction has locked; says what has to be stored, stores nothing.
 */
import {
  type Declaration,
  type DecodedBatch,
  hasNumber,
  intersectRanges,
  maxStreamsListed,
  type StateMessage,
} from '@fieldline/shared/contracts';
import type { Decoded, Origin, Reject } from '../decode/decoder.ts';
import type { Anomaly, LockedStreams } from './ledger-store.ts';
import {
  countsContradict,
  isCommitted,
  journalledLastSeq,
  type StreamRow,
  withBatch,
  withClassOf,
  withDead,
  withDeclared,
  withDuplicate,
  withHeld,
  withLastSeq,
  withoutRival,
  withReportedLastSeq,
  withRival,
  withThinned,
} from './stream-row.ts';
import { goesOnBesideRival } from './two-gateways.ts';

export type AdmittedBatch = {
  readonly gateway: string;
  readonly streamNo: number;
  readonly batch: DecodedBatch;
  readonly origin: Origin;
};

/** `samples`: those that it has, and those that it declares as thinned. */
export type ReappearedBatch = { readonly stream: string; readonly seq: number; readonly samples: number };

export type DeclaredRange = {
  readonly stream: string;
  readonly from: number;
  readonly to: number;
  readonly samples: number;
};

export type Admission = {
  /** Every locked row, as it is after the records; those that changed are in `changed`. */
  readonly rows: Map<string, StreamRow>;
  readonly changed: Set<string>;
  readonly batches: AdmittedBatch[];
  /** Some of those that came before, for a look whether they are the same. */
  readonly repeated: AdmittedBatch[];
  readonly rejects: { readonly reject: Reject; readonly origin: Origin }[];
  readonly declarations: {
    readonly streamNo: number;
    readonly seq: number;
    readonly declaration: Declaration;
    readonly origin: Origin;
  }[];
  /** Declared ranges that overlap what is stored: their samples have to be looked up. */
  readonly overlaps: DeclaredRange[];
  /** Declared ranges that are wider than others that were declared before: the samples of these are counted already. */
  readonly widened: DeclaredRange[];
  /** Batches that were declared before they came. */
  readonly reappeared: ReappearedBatch[];
  readonly anomalies: Anomaly[];
  duplicateBatches: number;
  duplicateSamples: number;
};

/** Of a transaction: a backlog that comes again is not looked up as a whole, and a doubled agent shows soon all the same. */
const maxRepeated = 16;

/** What else is known of the chains that a first batch touches. */
type Neighbours = {
  readonly successors: Map<string, readonly string[]>;
  readonly rivals: LockedStreams['rivals'];
};

export function admit(records: readonly Decoded[], locked: LockedStreams): Admission {
  const admission: Admission = {
    rows: new Map(locked.rows),
    changed: new Set(),
    batches: [],
    repeated: [],
    rejects: [],
    declarations: [],
    overlaps: [],
    widened: [],
    reappeared: [],
    anomalies: [],
    duplicateBatches: 0,
    duplicateSamples: 0,
  };
  const known = { successors: new Map(locked.successors), rivals: locked.rivals };
  for (const record of records) {
    if (record.kind === 'batch') admitBatch(admission, known, record.batch, record.gateway, record.origin);
    else if (record.kind === 'state') admitState(admission, record.state, record.origin);
    else if (record.kind === 'reject') admitReject(admission, record, record.origin);
  }
  return admission;
}

function admitBatch(
  admission: Admission,
  known: Neighbours,
  batch: DecodedBatch,
  gateway: string,
  origin: Origin,
): void {
  const row = rowOf(admission, batch.stream);
  if (row.gateway !== gateway) {
    const reason = `stream ${batch.stream} belongs to gateway ${row.gateway}: if a card was cloned, give the copy a new journal`;
    admission.rejects.push({
      reject: { kind: 'reject', gateway, stage: 'ledger', code: 'batch/foreign-gateway', reason, identity: null },
      origin,
    });
    reportTwoGateways(admission, row, gateway, origin);
    return;
  }
  if (isCommitted(row, batch.seq)) {
    change(admission, withDuplicate(row, batch.sent, origin.receivedAt));
    admission.duplicateBatches += 1;
    admission.duplicateSamples += batch.sent;
    if (admission.repeated.length < maxRepeated)
      admission.repeated.push({ gateway, streamNo: row.streamNo, batch, origin });
    return;
  }
  const counted = withBatch(row, batch, origin.receivedAt);
  change(admission, counted);
  if (row.rival !== null && goesOnBesideRival(row, batch, origin.receivedAt))
    reportRival(admission, counted, row.rival, origin);
  if (countsContradict(counted) && !countsContradict(row))
    admission.anomalies.push({
      kind: 'contradicting-counts',
      gateway,
      at: origin.receivedAt,
      details: { stream: row.stream },
    });
  admission.batches.push({ gateway, streamNo: row.streamNo, batch, origin });
  if (hasNumber(row.declared, batch.seq)) {
    const { stream, seq, sent, declared } = batch;
    admission.reappeared.push({ stream, seq, samples: sent + thinnedIn(declared) });
  }
  if (batch.previous != null) followChain(admission, known.successors, row, batch.previous, origin);
  if (batch.previous !== undefined) markRivals(admission, known.rivals, batch, origin);
  for (const declaration of batch.declared) {
    admission.declarations.push({ streamNo: row.streamNo, seq: batch.seq, declaration, origin });
    if (declaration.kind === 'batches') declareRange(admission, declaration, gateway, origin);
  }
  const thinned = thinnedIn(batch.declared);
  if (thinned > 0) change(admission, withThinned(rowOf(admission, batch.stream), thinned));
}

const thinnedIn = (declared: readonly Declaration[]): number =>
  declared.reduce((sum, each) => sum + (isThinned(each) ? (each.samples ?? 0) : 0), 0);

const isThinned = ({ kind, reason }: Declaration): boolean => kind === 'series' && reason === 'thinned';

/** The first batch of a stream names the stream before it: how long that was, and whether somebody else follows it too. */
function followChain(
  admission: Admission,
  successors: Map<string, readonly string[]>,
  row: StreamRow,
  previous: { readonly stream: string; readonly lastSeq: number },
  origin: Origin,
): void {
  const predecessor = rowOf(admission, previous.stream);
  if (predecessor.gateway !== row.gateway) {
    reportTwoGateways(admission, predecessor, row.gateway, origin);
    return;
  }
  const others = (successors.get(previous.stream) ?? []).filter((stream) => stream !== row.stream);
  const head = { gateway: row.gateway, at: origin.receivedAt };
  if (others[0] !== undefined) {
    const details = { predecessor: previous.stream, stream: row.stream, other: others[0] };
    admission.anomalies.push({ kind: 'forked-stream', ...head, details });
  }
  // What only a state message said, or never got into the journal, is no proof that a journal was put back.
  const seen = journalledLastSeq(predecessor);
  if (seen > previous.lastSeq) {
    const details = {
      predecessor: previous.stream,
      stream: row.stream,
      named: previous.lastSeq,
      seen,
    };
    admission.anomalies.push({ kind: 'restored-journal', ...head, details });
  }
  successors.set(previous.stream, [...others, row.stream]);
  change(admission, withClassOf(withLastSeq(predecessor, previous.lastSeq), rowOf(admission, row.stream)));
}

/** A stream has been opened: the others of its class should not go on from here, but for the one that it follows. */
function markRivals(
  admission: Admission,
  rivals: Neighbours['rivals'],
  { stream, previous }: DecodedBatch,
  origin: Origin,
): void {
  for (const name of rivals.get(stream) ?? []) {
    const row = rowOf(admission, name);
    if (name !== previous?.stream && row.rival === null) change(admission, withRival(row, stream, origin.receivedAt));
  }
}

/** Once for the two: the next opening marks anew. */
function reportRival(admission: Admission, row: StreamRow, other: string, origin: Origin): void {
  const details = { stream: row.stream, other };
  admission.anomalies.push({ kind: 'two-gateways', gateway: row.gateway, at: origin.receivedAt, details });
  change(admission, withoutRival(row));
}

function declareRange(
  admission: Admission,
  declared: Extract<Declaration, { kind: 'batches' }>,
  gateway: string,
  origin: Origin,
): void {
  const row = rowOf(admission, declared.stream);
  if (row.gateway !== gateway) {
    reportTwoGateways(admission, row, gateway, origin);
    return;
  }
  const { stream, from, to, samples } = declared;
  const range = [[from, to]] as const;
  const before = intersectRanges(range, row.declared);
  // Declared a second time, e.g. merged with its neighbours: the samples are counted already.
  const known = before.some(([start, end]) => start === from && end === to);
  if (!known && samples !== null) {
    if (before.length > 0) admission.widened.push({ stream, from, to, samples });
    if (intersectRanges(range, row.committed).length > 0) admission.overlaps.push({ stream, from, to, samples });
  }
  change(admission, withDeclared(row, known ? { ...declared, samples: 0 } : declared));
}

function admitState(admission: Admission, state: StateMessage, origin: Origin): void {
  const listed = new Set(state.streams.map(({ stream }) => stream));
  // A will was written at connect: how far the streams went and what the gateway held is long past.
  const isWill = state.reason === 'lost';
  for (const { stream, last, held } of state.streams) {
    const row = rowOf(admission, stream);
    if (row.gateway !== state.gateway) reportTwoGateways(admission, row, state.gateway, origin);
    else change(admission, isWill ? withLastSeq(row, last) : withReportedLastSeq(withHeld(row, held), last));
  }
  if (isWill || state.streams.length >= maxStreamsListed) return;
  for (const row of admission.rows.values())
    if (row.gateway === state.gateway && !listed.has(row.stream) && row.held.length > 0)
      change(admission, withHeld(row, []));
}

function admitReject(admission: Admission, reject: Reject, origin: Origin): void {
  const { identity, gateway } = reject;
  if (identity !== null) {
    const row = rowOf(admission, identity.stream);
    if (row.gateway === gateway) {
      if (isCommitted(row, identity.seq) || hasNumber(row.dead, identity.seq)) {
        change(admission, withDuplicate(row, 0, origin.receivedAt));
        admission.duplicateBatches += 1;
        return;
      }
      change(admission, withDead(row, identity.seq, origin.receivedAt));
    }
  }
  admission.rejects.push({ reject, origin });
}

function rowOf(admission: Admission, stream: string): StreamRow {
  const row = admission.rows.get(stream);
  if (row === undefined) throw new Error(`stream ${stream} was not locked`);
  return row;
}

function change(admission: Admission, row: StreamRow): void {
  admission.rows.set(row.stream, row);
  admission.changed.add(row.stream);
}

function reportTwoGateways(admission: Admission, row: StreamRow, gateway: string, origin: Origin): void {
  const details = { stream: row.stream, owner: row.gateway };
  admission.anomalies.push({ kind: 'stream-of-two-gateways', gateway, at: origin.receivedAt, details });
}
