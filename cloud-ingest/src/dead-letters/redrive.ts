/**
 * A dead letter tried again, with today's code and settings, through the ledger that everything goes through.
 *
 * - One letter is one transaction: its rows, its ledger, and what the letter says afterwards. Whatever fails, the letter is
 *   as it was, or tells of the attempt.
 * - The ledger's row is locked first, as the processor does, then the letter: two that redrive one letter, or a gateway that
 *   sends the batch again meanwhile, take turns, and the later one finds the work done.
 * - A dry run does all of it and takes it back, so it tells what will happen and not what might.
 */
import { isFieldlineError, type Ranges } from '@fieldline/shared/contracts';
import type { BackboneRecord } from '../backbone/backbone.ts';
import { decodeRecord } from '../decode/registry.ts';
import type { TimeWindow } from '../decode/time-window.ts';
import { lockStreams } from '../ledger/ledger-store.ts';
import type { ContentContext } from '../ledger/store-content.ts';
import { wantedStreams } from '../ledger/wanted-streams.ts';
import type { Session, Store } from '../store/connection.ts';
import type { Edition } from '../store/edition.ts';
import { SeriesCache } from '../store/series.ts';
import type { Publish } from '../store/write-rows.ts';
import { type Letter, lockLetter, readLetter, saveAttempt } from './letters.ts';
import { dead, type Outcome, type Result, untried } from './redrive-outcome.ts';
import { redriveRecord } from './redrive-record.ts';
import { redriveSamples } from './redrive-samples.ts';

export type RedriveWish = {
  /** Samples of the batch, by their positions; null for all that the letter is about. */
  readonly positions: Ranges | null;
  readonly dryRun: boolean;
};

/** @throws FieldlineError for everything that is not the fault of the letter: nothing has changed then */
export type Redrive = (id: number, wish: RedriveWish) => Promise<Outcome>;

/** In the place of topic, partition and offset in `batch_log` where the record never was in the backbone; the offset is the letter's id. */
const letterTopic = 'dead_letter';
const noPartition = -1;

export type RedriveParts = {
  readonly store: Store;
  readonly edition: Edition;
  readonly window: TimeWindow;
  /** Where the rows are told to others: of a dry run they are not. */
  readonly publish: Publish | undefined;
};

export function createRedrive({ store, edition, window, publish }: RedriveParts): Redrive {
  // What came long ago does not say of which type a tag is now.
  const series = new SeriesCache({ keepTypes: true });
  return async (id, { positions, dryRun }) => {
    let isKept = false;
    try {
      return await store.inTransaction(async (session) => {
        await session.query('SAVEPOINT redrive');
        const context = { edition, series, gateways: new Set<string>(), publish: dryRun ? undefined : publish };
        const { outcome, attempt } = await attemptOn(context, session, id, positions, window);
        if (dryRun) await session.query('ROLLBACK TO SAVEPOINT redrive');
        else if (attempt !== null) {
          await saveAttempt(session, id, attempt);
          await session.query('NOTIFY fieldline_commit');
          isKept = outcome.kind === 'stored';
        }
        return outcome;
      });
    } catch (error) {
      isKept = false;
      throw error;
    } finally {
      // Series that a rollback took back must not stay known.
      if (isKept) series.committed();
      else series.clear();
    }
  };
}

async function attemptOn(
  context: ContentContext,
  session: Session,
  id: number,
  asked: Ranges | null,
  window: TimeWindow,
): Promise<Result> {
  const seen = await readLetter(session, id);
  if (seen === null) return untried('there is no such letter');
  const record = decodeRecord(recordOf(seen), { topic: seen.partition === null ? letterTopic : seen.topic, ...window });
  const { rows } = await lockStreams(session, wantedStreams([record]));
  const letter = await lockLetter(session, id);
  if (letter === null) return untried('it was deleted just now');
  if (letter.redrivenAt !== null) return untried(`it was redriven at ${instantOf(letter.redrivenAt)}`, true);
  // After the locks: what is taken back keeps them.
  await session.query('SAVEPOINT attempt');
  try {
    if (letter.positions !== null) return await redriveSamples(context, session, letter, record, rows, asked);
    if (asked !== null) return untried('it is about a whole record: redrive it without positions');
    return await redriveRecord(context, session, letter, record, rows);
  } catch (error) {
    if (!isFieldlineError(error, 'database/data')) throw error;
    await session.query('ROLLBACK TO SAVEPOINT attempt');
    return dead(letter, { stage: 'store', code: error.code, reason: error.message });
  }
}

/** As it came; a letter of the bridge has its MQTT topic as topic. */
const recordOf = ({ id, topic, partition, offset, receivedAt, headers, bytes }: Letter): BackboneRecord => ({
  key: topic,
  value: bytes,
  headers,
  partition: partition ?? noPartition,
  offset: offset ?? id,
  timestampMs: receivedAt / 1_000,
});

const instantOf = (micros: number): string => new Date(micros / 1_000).toISOString();
