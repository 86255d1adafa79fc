import { z } from 'zod';
import { idPattern, idRule } from './topics.ts';

/** Why samples are lost. A closed list: it is what the loss report groups by. */
export const lossReasons = [
  'disk-bound',
  'age-bound',
  'memory-bound',
  'journal-damaged',
  'restart',
  'source-overflow',
  'poll-missed',
  'outage',
  'too-large',
  'thinned',
] as const;
export type LossReason = (typeof lossReasons)[number];

const id = z.string().regex(idPattern, idRule);
const micros = z.int().nonnegative();
const samples = z.int().nonnegative().nullable();

/** What a batch states of its stream up to itself: see DecodedBatch. */
const countsSchema = z.strictObject({ read: z.int().nonnegative(), filtered: z.int().nonnegative() });
export type StatedCounts = Readonly<z.infer<typeof countsSchema>>;

/**
 * The agent's statement that samples are lost. `batches`: numbered batches of a stream, none of which will come.
 * `series`: what never got a number; `device: null` means the whole gateway, `tag: null` the whole device.
 * `samples` is null where the agent cannot know how many. `counts`: those that the batch `to` states, which may be the last of its
 * stream; without it nobody could tell later what was read.
 */
export const declarationSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('batches'),
    stream: z.uuid(),
    from: z.int().positive(),
    to: z.int().positive(),
    samples,
    reason: z.enum(lossReasons),
    counts: countsSchema.optional(),
  }),
  z.strictObject({
    kind: z.literal('series'),
    device: id.nullable(),
    tag: id.nullable(),
    from: micros,
    to: micros,
    samples,
    reason: z.enum(lossReasons),
  }),
]);
export type Declaration = z.infer<typeof declarationSchema>;
