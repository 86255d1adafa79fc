/**
 * Samples as they are stored, for other programs: the value of the JSON records in the topic `processor.normalisedTopic`.
 * Written for those who read with what they have (Flink, Kafka Streams, ksqlDB, a lake): a record has the samples of one
 * device in one batch, in the order of the batch, and each sample is flat.
 *
 *   - Key: `gateway/device`. A device keeps its order; samples of a backlog come later than newer ones.
 *   - At least once. A sample is known by `stream`, `seq` and `position`: where it comes again, the last one counts.
 *   - A record is appended before its rows are committed, and the rows are committed only when Kafka has acknowledged it: what
 *     is in the database is in the topic. In the short time of a crash between the two, what is in the topic comes again.
 *
 * Version 1 may get more fields; a reader leaves alone what it does not know.
 */
import { z } from 'zod';
import { valueTypes } from './sample.ts';
import { idPattern } from './topics.ts';

export const normalisedVersion = 1;

const id = z.string().regex(idPattern);

export const normalisedSampleSchema = z
  .object({
    tag: id,
    type: z.enum(valueTypes).describe('as the device gave it: before the scale of the registry'),
    unit: z.string().nullable().describe('that held at the time of the sample; null where none is known'),
    time: z.int().describe('of the sample, nearest the device: microseconds since 1970 UTC'),
    value: z
      .number()
      .nullable()
      .describe(
        'after scale and offset of the registry; 0 or 1 of a bool; null of a string, and where the quality is bad',
      ),
    text: z
      .string()
      .optional()
      .describe('of a string; of a 64-bit integer that a double does not hold exactly, its decimal digits'),
    quality: z
      .int()
      .min(0)
      .max(299)
      .describe('0 good, 100–199 uncertain, 200–299 bad: the table of qualities tells the reasons'),
    position: z.int().nonnegative().describe('of the sample in its batch'),
    omitted: z.literal(true).optional().describe('the text is too long for a record: the database has it'),
  })
  .meta({ id: 'NormalisedSample' });

export const normalisedRecordSchema = z
  .object({
    v: z.literal(normalisedVersion),
    gateway: id,
    device: id,
    stream: z.uuid().describe('one opening of the journal of the gateway'),
    seq: z.int().positive().describe('of the batch in its stream'),
    samples: z.array(normalisedSampleSchema).min(1),
  })
  .meta({ title: 'Samples of one device in one batch, as they are stored' });
export type NormalisedRecord = z.infer<typeof normalisedRecordSchema>;
