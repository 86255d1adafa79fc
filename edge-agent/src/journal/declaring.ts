/**
 * Losses by series and time that stand in batches which the cloud has not confirmed yet. A batch that is lost is declared by its number,
 * which says nothing of what it declared itself, and the cloud cannot ask for that. So the note repeats it, and what a lost batch
 * declared is declared again. Losses by batches are not repeated: their numbers are missing, and are asked for.
 */
import {
  type Declaration,
  declarationSchema,
  hasNumber,
  type Ranges,
  subtractRanges,
} from '@fieldline/shared/contracts';
import { z } from 'zod';
import type { NewBatch } from './batches.ts';

export const declaringSchema = z.object({ stream: z.string(), seq: z.int(), declared: declarationSchema });
/** A batch and one of its declarations. */
export type Declaring = Readonly<z.infer<typeof declaringSchema>>;

/** The newest; older ones have but the files of their batches. */
const mostDeclaring = 50;

export const declaringIn = (batches: readonly NewBatch[]): Declaring[] =>
  batches.flatMap(({ stream, seq, declared }) =>
    declared.filter(({ kind }) => kind === 'series').map((each) => ({ stream, seq, declared: each })),
  );

/** Those that may have to be declared again: of batches that are held, and not confirmed. */
export function stillDeclaring(
  known: readonly Declaring[],
  held: ReadonlyMap<string, Ranges>,
  confirmed: ReadonlyMap<string, Ranges>,
): Declaring[] {
  const waits = ({ stream, seq }: Declaring): boolean =>
    hasNumber(subtractRanges(held.get(stream) ?? [], confirmed.get(stream) ?? []), seq);
  return known.filter(waits).slice(-mostDeclaring);
}

/** What batches declared that are lost. */
export const declaredBy = (known: readonly Declaring[], stream: string, lost: Ranges): Declaration[] =>
  known.filter((each) => each.stream === stream && hasNumber(lost, each.seq)).map(({ declared }) => declared);
