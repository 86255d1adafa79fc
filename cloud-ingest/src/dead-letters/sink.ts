import type { Store } from '../store/connection.ts';
import type { DeadLetterSink } from './dead-letter.ts';
import { writeDeadLetters } from './write.ts';

/** For the bridge: a letter in a transaction of its own. It resolves when the letter is on the disk. */
export const databaseDeadLetters =
  (store: Store): DeadLetterSink =>
  (letter) =>
    store.inTransaction((session) => writeDeadLetters(session, [letter]));
