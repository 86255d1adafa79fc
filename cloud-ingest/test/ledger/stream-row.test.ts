import { countOf } from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  countsContradict,
  isCommitted,
  journalledLastSeq,
  missingOf,
  recoverableOf,
  type StreamRow,
  settledOf,
  withBatch,
  withDead,
  withDeclared,
  withDuplicate,
  withFewerDeclared,
  withHeld,
  withLastSeq,
  withReportedLastSeq,
} from '../../src/ledger/stream-row.ts';

const fresh: StreamRow = {
  streamNo: 1,
  stream: '5a1f7a7e-3c1b-4d6e-8f00-0123456789ab',
  gateway: 'gw',
  class: 'process',
  previous: null,
  previousLastSeq: null,
  firstReceivedAt: null,
  lastReceivedAt: null,
  lastSeq: 0,
  read: 0,
  filtered: 0,
  countedSeq: 0,
  committed: [],
  declared: [],
  dead: [],
  held: [],
  volatile: [],
  rival: null,
  rivalSince: null,
  samples: 0,
  stored: 0,
  rejected: 0,
  declaredSamples: 0,
  duplicateBatches: 0,
  duplicateSamples: 0,
};
/** Batch n of a stream whose batches have ten samples each, with five more held back by the filter. */
const batch = (seq: number) => ({ seq, read: seq * 15, filtered: seq * 5, sent: 10, volatile: false });

describe('a stream in the ledger', () => {
  test('counts each batch once, in whatever order and however often they come', () => {
    const arrivals = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(arrivals, (seqs) => {
        const row = seqs.reduce(
          (sum, seq) => (isCommitted(sum, seq) ? withDuplicate(sum, 10, 1) : withBatch(sum, batch(seq), 1)),
          fresh,
        );
        const different = new Set(seqs).size;
        const last = Math.max(...seqs);
        expect(countOf(row.committed)).toBe(different);
        expect(row.samples).toBe(different * 10);
        expect(row.duplicateSamples).toBe((seqs.length - different) * 10);
        expect(countOf(missingOf(row))).toBe(last - different);
        expect([row.lastSeq, row.read, row.filtered]).toEqual([last, last * 15, last * 5]);
      }),
    );
  });

  test('finds no contradiction in the counts of an honest agent, whatever comes when and whatever does not come', () => {
    const sizes = fc.array(fc.record({ sent: fc.nat(9), filtered: fc.nat(3) }), { minLength: 1, maxLength: 20 });
    const arrivals = sizes.chain((made) => fc.tuple(fc.constant(made), fc.shuffledSubarray([...made.keys()])));
    fc.assert(
      fc.property(arrivals, ([made, places]) => {
        const stated = made.map((each, place) => {
          const past = made.slice(0, place + 1);
          const filtered = past.reduce((sum, one) => sum + one.filtered, 0);
          const read = past.reduce((sum, one) => sum + one.sent, filtered);
          return { seq: place + 1, sent: each.sent, filtered, read, volatile: false };
        });
        let row = fresh;
        for (const place of places) {
          row = withBatch(row, stated[place] ?? batch(1), 1);
          expect(countsContradict(row)).toBe(false);
        }
      }),
    );
    expect(countsContradict(withBatch(withBatch(fresh, batch(1), 1), { ...batch(2), read: 29 }, 1))).toBe(true);
  });

  test('misses what is neither stored, nor declared, nor a dead letter', () => {
    let row = withBatch(withBatch(fresh, batch(1), 1), batch(8), 2);
    row = withDead(withDeclared(row, { from: 2, to: 3, samples: 20 }), 5, 3);
    expect(missingOf(row)).toEqual([
      [4, 4],
      [6, 7],
    ]);
    expect(settledOf(row)).toEqual([
      [1, 3],
      [5, 5],
      [8, 8],
    ]);
    expect(recoverableOf(withHeld(row, [[1, 6]]))).toEqual([
      [4, 4],
      [6, 6],
    ]);
    expect(missingOf(withLastSeq(row, 9))).toEqual([
      [4, 4],
      [6, 7],
      [9, 9],
    ]);
  });

  test('takes off the loss what comes all the same, and never more than was declared', () => {
    const row = withFewerDeclared(withDeclared(fresh, { from: 1, to: 2, samples: 20 }), 15);
    expect(row.declaredSamples).toBe(5);
    expect(withFewerDeclared(row, 15).declaredSamples).toBe(0);
  });

  test('takes the counts of the highest batch from its declaration, where that does not come', () => {
    const declared = { from: 2, to: 7, samples: 60, counts: { read: 105, filtered: 35 } };
    const row = withDeclared(withBatch(fresh, batch(4), 1), declared);
    expect([row.read, row.filtered, row.countedSeq]).toEqual([105, 35, 7]);
    const later = withBatch(row, batch(8), 2);
    expect([later.read, later.filtered, later.countedSeq]).toEqual([120, 40, 8]);
    expect(withDeclared(later, declared)).toMatchObject({ read: 120, countedSeq: 8 });
    const { counts: _, ...uncounted } = declared;
    expect(withDeclared(row, { ...uncounted, to: 9 })).toMatchObject({ read: 105, countedSeq: 7, lastSeq: 9 });
  });

  test('keeps the counts of its highest batch when an older one comes late', () => {
    const row = withBatch(withBatch(fresh, batch(5), 1), batch(2), 2);
    expect([row.read, row.filtered, row.countedSeq]).toEqual([75, 25, 5]);
  });

  test('ends for its successor at the last batch that must be in the journal', () => {
    const inMemory = { ...batch(6), volatile: true };
    const row = withBatch(withBatch(fresh, batch(5), 1), inMemory, 2);
    expect([row.lastSeq, journalledLastSeq(row)]).toEqual([6, 5]);
    expect(journalledLastSeq(withBatch(withBatch(fresh, inMemory, 1), batch(5), 2))).toBe(5);
    expect(journalledLastSeq(withDeclared(row, { from: 6, to: 6, samples: 0 }))).toBe(6);
    expect(journalledLastSeq(withDead(row, 7, 3))).toBe(7);
    expect(journalledLastSeq(withBatch(row, batch(7), 3))).toBe(7);
    expect(journalledLastSeq(withBatch(fresh, inMemory, 1))).toBe(0);
  });

  test('ends where the gateway says now, and never before what came', () => {
    const told = withReportedLastSeq(withBatch(fresh, batch(3), 1), 4_000_000_000);
    expect(told.lastSeq).toBe(4_000_000_000);
    expect(withLastSeq(told, 5).lastSeq).toBe(4_000_000_000);
    expect(withReportedLastSeq(told, 5).lastSeq).toBe(5);
    expect(withReportedLastSeq(told, 1).lastSeq).toBe(3);
    expect(withReportedLastSeq(withDeclared(told, { from: 6, to: 7, samples: 0 }), 1).lastSeq).toBe(7);
    expect(withReportedLastSeq(withDead(told, 9, 2), 1).lastSeq).toBe(9);
    expect(withReportedLastSeq(fresh, 0).lastSeq).toBe(0);
  });
});
