import { cpSync } from 'node:fs';
import {
  addRange,
  countOf,
  intersectRanges,
  type Ranges,
  subtractRanges,
  type TagClass,
  unionRanges,
} from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { decoded, openJournal, samplesOf } from '../helpers/journal.ts';

/** What a journal is, said in a few lines: streams, each with its numbered batches and what is confirmed of them. */
type ModelStream = { readonly stream: string; readonly class: TagClass; readonly samples: number[]; confirmed: Ranges };
type Model = { streams: ModelStream[] };

const classes = ['process', 'debug', 'alarm'] as const;
const range = { stream: fc.nat(9), from: fc.integer({ min: 1, max: 12 }), length: fc.nat(8) };
const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('record' as const),
        class: fc.constantFrom(...classes),
        samples: fc.integer({ min: 1, max: 40 }),
        filtered: fc.nat(5),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('confirm' as const), ...range }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('doubt' as const), ...range }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('reopen' as const),
        how: fc.constantFrom('in order' as const, 'killed' as const),
      }),
    },
  ),
  { maxLength: 40 },
);

/** Everything is kept, so that the model need not know which file a batch is in. */
const keepAll = { keepConfirmedForMs: 1e12, segmentBytes: 60_000, classes };

it('holds what it was given, through orderly and other ends, under the numbers it gave', () => {
  fc.assert(
    fc.property(steps, (sequence) => {
      let folder = temporaryFolder();
      let journal = openJournal(folder, keepAll);
      const model: Model = { streams: [] };
      let pending = new Map<TagClass, number>();
      const newest = (tagClass: TagClass) => model.streams.findLast((own) => own.class === tagClass);
      const began = (): void => {
        const opened = journal.streams().slice(-classes.length);
        expect(opened.map((own) => own.class)).toEqual(classes);
        for (const { stream, class: tagClass } of opened) {
          const previous = newest(tagClass);
          const first = decoded(journal.read(stream, 1)?.bytes ?? Buffer.alloc(0));
          expect(first.previous).toEqual(
            previous === undefined ? null : { stream: previous.stream, lastSeq: previous.samples.length },
          );
          expect(first.class ?? 'process').toBe(tagClass);
          model.streams.push({ stream, class: tagClass, samples: [0], confirmed: [] });
        }
      };
      const flushed = (): void => {
        for (const batch of journal.flush()) {
          const own = classes.map(newest).find((each) => each?.stream === batch.stream);
          expect(batch).toMatchObject({ stream: own?.stream, seq: (own?.samples.length ?? 0) + 1 });
          own?.samples.push(batch.samples);
        }
        for (const tagClass of classes) {
          const total = newest(tagClass)?.samples.reduce((sum, samples) => sum + samples, 0);
          expect(total).toBe(pending.get(tagClass) ?? 0);
        }
      };
      began();
      for (const step of sequence) {
        if (step.do === 'record') {
          journal.record(samplesOf(step.samples), step.filtered, step.class);
          pending.set(step.class, (pending.get(step.class) ?? 0) + step.samples);
        } else if (step.do === 'flush') flushed();
        else if (step.do === 'reopen') {
          // A copy of the folder while it is open is what a kill leaves.
          const next = temporaryFolder();
          if (step.how === 'in order') {
            flushed();
            journal.close();
          }
          cpSync(folder, next, { recursive: true });
          if (step.how === 'killed') {
            journal.close();
            // Confirmations that were not noted yet are forgotten, and only those.
            const known = openJournal(next, keepAll);
            for (const own of model.streams) {
              const left = known.streams().find(({ stream }) => stream === own.stream)?.confirmed ?? [];
              expect(subtractRanges(left, own.confirmed)).toEqual([]);
              own.confirmed = left;
            }
            journal = known;
          } else journal = openJournal(next, keepAll);
          folder = next;
          pending = new Map();
          began();
        } else {
          const own = model.streams[step.stream % model.streams.length];
          if (own === undefined) continue;
          const asked: Ranges = [[step.from, step.from + step.length]];
          if (step.do === 'confirm') {
            journal.confirm(own.stream, asked);
            own.confirmed = unionRanges(own.confirmed, intersectRanges(asked, [[1, own.samples.length]]));
          } else {
            journal.doubt(own.stream, asked);
            own.confirmed = subtractRanges(own.confirmed, asked);
          }
        }
        agrees(journal, model);
      }
      journal.close();
    }),
    { numRuns: 40 },
  );
});

function agrees(journal: Journal, model: Model): void {
  expect(journal.streams()).toEqual(
    model.streams.map(({ stream, class: tagClass, samples, confirmed }) => ({
      stream,
      class: tagClass,
      last: samples.length,
      held: addRange([], 1, samples.length),
      confirmed,
    })),
  );
  let batches = 0;
  let unconfirmed = 0;
  for (const { stream, samples, confirmed } of model.streams) {
    const open = subtractRanges([[1, samples.length]], confirmed);
    batches += countOf(open);
    for (const [from, to] of open) for (let seq = from; seq <= to; seq++) unconfirmed += samples[seq - 1] ?? 0;
    for (const [index, count] of samples.entries()) {
      expect(journal.read(stream, index + 1)).toMatchObject({ stream, seq: index + 1, samples: count });
    }
  }
  expect(journal.unconfirmed()).toEqual({ batches, samples: unconfirmed });
}
