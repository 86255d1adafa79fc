import { countOf } from '@fieldline/shared/contracts';
import { formatMultirange } from '../ledger/multirange.ts';
import type { Session } from '../store/connection.ts';
import type { DeadLetter } from './dead-letter.ts';

/** Bytes of letters that one statement carries: a letter of any size passes, alone. */
const statementBytes = 8 * 1024 * 1024;

/** Writes the letters within the transaction of the session. */
export async function writeDeadLetters(session: Session, letters: readonly DeadLetter[]): Promise<void> {
  for (const group of inGroups(letters)) {
    const column = <Value>(value: (letter: DeadLetter) => Value): Value[] => group.map(value);
    await session.query(
      `INSERT INTO dead_letter (received_at, gateway, stage, code, reason, topic, partition, record_offset, position, positions, samples, bytes, headers)
       SELECT TIMESTAMPTZ 'epoch' + received_at * INTERVAL '1 microsecond', gateway, stage, code, reason, topic, partition,
         record_offset, position, positions, samples, bytes, headers
       FROM unnest($1::int8[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int4[], $8::int8[], $9::int4[],
         $10::int8multirange[], $11::int4[], $12::bytea[], $13::jsonb[])
         AS letter (received_at, gateway, stage, code, reason, topic, partition, record_offset, position, positions, samples, bytes, headers)`,
      [
        column((letter) => letter.receivedAt),
        column((letter) => letter.gateway),
        column((letter) => letter.stage),
        column((letter) => letter.code),
        column((letter) => storable(letter.reason)),
        column((letter) => storable(letter.topic)),
        column((letter) => letter.partition),
        column((letter) => letter.offset),
        column((letter) => letter.positions?.[0]?.[0] ?? null),
        column((letter) => (letter.positions === null ? null : formatMultirange(letter.positions))),
        column((letter) => (letter.positions === null ? null : countOf(letter.positions))),
        column((letter) => letter.bytes),
        column((letter) => storable(JSON.stringify(letter.headers).replaceAll('\\u0000', '\\ufffd'))),
      ],
    );
  }
}

/** PostgreSQL's text cannot hold U+0000, and nothing in a letter may keep the letter from being written. */
export const storable = (text: string): string => text.replaceAll('\u0000', '\ufffd').toWellFormed();

function* inGroups(letters: readonly DeadLetter[]): Generator<DeadLetter[]> {
  let group: DeadLetter[] = [];
  let bytes = 0;
  for (const letter of letters) {
    if (group.length > 0 && bytes + letter.bytes.length > statementBytes) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(letter);
    bytes += letter.bytes.length;
  }
  if (group.length > 0) yield group;
}
