/**
 * The messages beside batches, all JSON: state and birth from the agent, the commit acknowledgement to it.
 * Each is bounded by `maxBatchBytes`; each carries `v` and its gateway, which must be the one of its topic.
 */
import { z } from 'zod';
import { maxBatchBytes } from './batch.ts';
import type { AnswerMessage, CommandMessage } from './command.ts';
import { describePayload, parsePayload } from './describe-payload.ts';
import { FieldlineError } from './errors.ts';
import { isRanges, type Ranges } from './ranges.ts';
import { valueTypes } from './sample.ts';
import { idPattern, idRule } from './topics.ts';

export const messageVersion = 1;
/** Streams listed in one state or acknowledgement: the newest. */
export const maxStreamsListed = 64;
/** Ranges listed per stream: the lowest. The rest follows when these are closed. */
export const maxRangesListed = 256;

const id = z.string().regex(idPattern, idRule);
/** The bound of `seq` in batches: a greater number in a message would be believed and never come. */
const maxSeq = 0xffff_ffff;
const ranges = z
  .custom<Ranges>(isRanges, 'must be sorted, disjoint ranges [[from, to], …]')
  .refine((sorted) => (sorted.at(-1)?.[1] ?? 0) <= maxSeq, `must be ranges up to ${maxSeq}`);
const micros = z.int().nonnegative();
const head = { v: z.literal(messageVersion), gateway: id };

/** Retained. The will is the same message with `online: false` and `reason: "lost"`, and the streams as known at connect. */
export const stateSchema = z.object({
  ...head,
  online: z.boolean(),
  reason: z.enum(['started', 'stopped', 'lost', 'running']),
  at: micros,
  agent: z.string().max(64),
  configFingerprint: z.string().max(64),
  confirm: z.enum(['cloud', 'broker']),
  clock: z.enum(['synchronised', 'unknown']),
  streams: z
    .array(
      z.object({
        stream: z.uuid(),
        first: z.int().positive().max(maxSeq),
        /** 0 if no batch was made yet. */
        last: z.int().nonnegative().max(maxSeq),
        /** What the journal still holds and can send again. */
        held: ranges,
      }),
    )
    .max(maxStreamsListed),
});
export type StateMessage = z.infer<typeof stateSchema>;

export const tagBirthSchema = z.object({
  tag: id,
  type: z.enum(valueTypes),
  unit: z.string().max(64).optional(),
  description: z.string().max(512).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  /** Commands may write it. Absent: they may not, or the agent is older than this field. */
  writable: z.boolean().optional(),
});
export type TagBirth = z.infer<typeof tagBirthSchema>;

/** What a gateway reads, in as many parts as its size needs; sent at every connect and when the cloud's incarnation changes. */
export const birthSchema = z.object({
  ...head,
  part: z.int().positive(),
  parts: z.int().positive(),
  devices: z.array(z.object({ device: id, protocol: z.string().max(32), tags: z.array(tagBirthSchema) })),
});
export type BirthMessage = z.infer<typeof birthSchema>;

/** Retained, cumulative: what the database holds of each stream, and what it asks for again. */
export const ackSchema = z.object({
  ...head,
  /** Another incarnation is another database, or an older one: what it does not list is not stored. */
  incarnation: z.string().max(128),
  at: micros,
  /** The cloud has more to store than it can at the moment: do not send again what is only late. */
  lagging: z.boolean(),
  streams: z
    .array(
      z.object({
        stream: z.uuid(),
        /** Batches that need not be kept: stored, declared or finally dead-lettered. */
        committed: ranges,
        /** Holes that the gateway holds: send these again. */
        ask: ranges,
      }),
    )
    .max(maxStreamsListed),
});
export type AckMessage = z.infer<typeof ackSchema>;

type Message = StateMessage | BirthMessage | AckMessage | CommandMessage | AnswerMessage;

export const encodeMessage = (message: Message): Buffer => Buffer.from(JSON.stringify(message));

/** @throws FieldlineError message/malformed */
export function decodeMessage<Message extends { gateway: string }>(
  schema: z.ZodType<Message>,
  bytes: Buffer,
  gateway: string,
): Message {
  if (bytes.length > maxBatchBytes)
    throw new FieldlineError('message/malformed', `${bytes.length} bytes; the bound is ${maxBatchBytes}`);
  let json: unknown;
  try {
    json = parsePayload(bytes.toString('utf8'));
  } catch (error) {
    throw new FieldlineError('message/malformed', (error as Error).message, { cause: error });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new FieldlineError('message/malformed', describePayload(parsed.error, json, schema));
  if (parsed.data.gateway !== gateway) {
    throw new FieldlineError('message/malformed', `topic says ${gateway}, payload says ${parsed.data.gateway}`);
  }
  return parsed.data;
}
