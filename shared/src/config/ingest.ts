import { z } from 'zod';
import { backboneTopics } from '../contracts/topics.ts';
import { mqttShape } from './mqtt.ts';
import { durationMs, filePath, host, keptMs, listenPort, sizeBytes, tlsClient } from './units.ts';

const dayMs = 24 * 3_600_000;

/** The log between bridge and processor. */
export const backboneSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('kafka'),
    brokers: z.array(z.string().regex(/^[^:/]+:\d+$/, 'must be host:port')).min(1),
    tls: tlsClient.optional(),
    sasl: z
      .strictObject({
        mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
        username: z.string(),
        passwordFile: filePath,
      })
      .optional(),
    partitions: z.int().min(1).max(1_000).default(12).describe('of the raw topic, when it is created'),
    replication: z.int().min(1).max(7).default(1).describe('copies of each record; 3 where there are three brokers'),
    minInSync: z
      .int()
      .min(1)
      .max(7)
      .default(1)
      .describe('copies that must be written before a record is acknowledged; 2 of 3 goes on when one broker is lost'),
    retentionMs: durationMs
      .default(7 * 24 * 3_600_000)
      .describe('how long the database may be away before records are lost'),
    maxRecordBytes: sizeBytes.default(1_000_000).describe('a larger one becomes a dead letter in the bridge'),
  }),
  z.strictObject({
    kind: z.literal('embedded'),
    folder: filePath.describe('of the log alone; for one machine: scale is the work of Kafka'),
    partitions: z.int().min(1).max(64).default(4),
    retentionBytes: sizeBytes.default(4 * 1024 ** 3),
    maxRecordBytes: sizeBytes.default(1_000_000),
  }),
]);
export type BackboneConfig = z.infer<typeof backboneSchema>;

const databaseSchema = z.strictObject({
  url: z.url({ protocol: /^postgres(ql)?$/, error: 'must be an address such as postgres://user@host:5432/fieldline' }),
  passwordFile: filePath.optional(),
  schema: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/)
    .default('fieldline'),
  chunkMs: durationMs
    .default(24 * 3_600_000)
    .describe('time span of one chunk or partition: best with fewer than 100 million rows in each'),
  columnstoreAfterMs: durationMs.default(2 * 24 * 3_600_000),
  retainRawMs: keptMs.default(90 * 24 * 3_600_000).describe('of the samples themselves'),
  retainMinutesMs: keptMs
    .default(366 * 24 * 3_600_000)
    .describe('of one-minute summaries, and of what was declared lost; at least `retainRawMs`'),
  retainHoursMs: keptMs
    .default(3_653 * 24 * 3_600_000)
    .describe('of one-hour summaries; at least `retainMinutesMs`. Those of a day are kept for good'),
  retainDeadLettersMs: keptMs.default(90 * 24 * 3_600_000).describe('from when they were written; redriven ones too'),
});
export type DatabaseConfig = z.infer<typeof databaseSchema>;

const topicName = z.string().regex(/^[A-Za-z0-9._-]{1,249}$/, 'a topic has 1–249 of the characters A–Z a–z 0–9 . _ -');

const processorSchema = z.strictObject({
  group: z.string().min(1).max(128).default('fieldline-processor'),
  instance: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe(
      'name of this processor in its group, the same over restarts: its partitions come back to it; default: host name',
    ),
  lanes: z
    .int()
    .min(1)
    .max(8)
    .default(2)
    .describe('transactions side by side, each of its own partitions; more need more cores in the database'),
  maxBatchBytes: sizeBytes
    .default(16 * 1024 ** 2)
    .describe(
      'most bytes of records that wait decoded, shared among the lanes; a transaction takes what waits in its lane',
    ),
  queueBytes: sizeBytes.default(2 * 1024 ** 2).describe('most bytes of records fetched ahead'),
  acceptPastMs: durationMs
    .default(366 * 24 * 3_600_000)
    .describe('a sample older than this, or than `database.retainRawMs` less a day, is a dead letter'),
  acceptFutureMs: durationMs.default(3_600_000).describe('a sample further ahead than this is a dead letter'),
  deadLetterTopic: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,249}$/, 'must be a name of a topic, or off')
    .refine(
      (topic) => topic !== backboneTopics.raw,
      'must not be the topic that is read: each letter would make another',
    )
    .optional()
    .describe(
      'topic of the backbone that gets a copy of each dead letter, or off; without it `fieldline.dead-letters` on Kafka and none on the embedded log, which nobody else can read',
    ),
  normalisedTopic: topicName
    .optional()
    .describe('topic of Kafka for the samples as they are stored, for other programs; without it there is none'),
});
export type ProcessorConfig = z.infer<typeof processorSchema>;

const apiSchema = z.strictObject({
  host: host.default('127.0.0.1'),
  port: listenPort.default(8080),
  tokenFile: filePath.optional().describe('file that holds the token; required where host is not loopback'),
});
export type ApiConfig = z.infer<typeof apiSchema>;

const loopback = new Set(['127.0.0.1', '::1', 'localhost']);

const ownTopics: readonly string[] = Object.values(backboneTopics);

export const ingestSchema = z
  .strictObject({
    mqtt: z
      .strictObject({
        ...mqttShape,
        shareGroup: z
          .string()
          .regex(/^[A-Za-z0-9_-]{1,64}$/)
          .optional()
          .describe('bridges of one group share the work, where the broker has shared subscriptions'),
        window: z
          .int()
          .min(1)
          .max(65_535)
          .default(1_000)
          .describe('messages taken from the broker and not yet in the backbone'),
        windowBytes: sizeBytes.default(16 * 1024 ** 2),
        probeEveryMs: durationMs
          .default(20_000)
          .describe('how often the bridge tests that it still receives; three tests that fail make it connect again'),
      })
      .describe('broker of the bridge and of the commit acknowledgements'),
    backbone: backboneSchema,
    database: databaseSchema,
    processor: processorSchema.prefault({}),
    api: apiSchema.prefault({}),
    http: z
      .strictObject({ host: host.default('127.0.0.1'), port: listenPort.default(9102) })
      .prefault({})
      .describe('/metrics, /health/live and /health/ready'),
    log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
  })
  .superRefine((ingest, context) => {
    const { normalisedTopic } = ingest.processor;
    if (normalisedTopic !== undefined && ingest.backbone.kind === 'embedded') {
      const message = 'goes with backbone.kind kafka: no other program can read the embedded log';
      context.addIssue({ code: 'custom', path: ['processor', 'normalisedTopic'], message });
    }
    if (normalisedTopic !== undefined && [...ownTopics, ingest.processor.deadLetterTopic].includes(normalisedTopic)) {
      const message = `${normalisedTopic} is a topic of Fieldline's own: choose another, such as fieldline.samples`;
      context.addIssue({ code: 'custom', path: ['processor', 'normalisedTopic'], message });
    }
    if (!loopback.has(ingest.api.host) && ingest.api.tokenFile === undefined) {
      context.addIssue({ code: 'custom', path: ['api', 'host'], message: 'off loopback the API needs api.tokenFile' });
    }
    const { database } = ingest;
    // Hours are computed from minutes, also when a late sample changes them: the finer must not outlive the coarser.
    for (const [finer, coarser] of [
      ['retainRawMs', 'retainMinutesMs'],
      ['retainMinutesMs', 'retainHoursMs'],
    ] as const) {
      if (database[coarser] < database[finer]) {
        const message = `must be at least database.${finer}, which is ${database[finer]}`;
        context.addIssue({ code: 'custom', path: ['database', coarser], message });
      }
    }
  })
  // Older rows would be removed as soon as they are stored, and would not be in the roll-ups: they are kept as dead letters.
  .overwrite(({ database, processor, ...ingest }) => {
    const oldestMs = database.retainRawMs - Math.min(dayMs, database.retainRawMs / 2);
    const acceptPastMs = Math.min(processor.acceptPastMs, oldestMs);
    return { ...ingest, database, processor: { ...processor, acceptPastMs } };
  });
export type IngestConfig = z.infer<typeof ingestSchema>;
