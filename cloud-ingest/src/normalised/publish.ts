import { FieldlineError, isFieldlineError } from '@fieldline/shared/contracts';
import type { Backbone, NewRecord } from '../backbone/backbone.ts';
import type { Publish } from '../store/write-rows.ts';
import { recordsOf } from './records.ts';

/** Records are made and appended in pieces of this size, whatever the transaction has. */
const pieceBytes = 4 * 1024 ** 2;
/** A transaction that waits for Kafka holds its locks; after this it is given up and tried again later. */
const appendTimeoutMs = 20_000;

/**
 * Appends what was stored to the topic: resolves when Kafka has acknowledged all of it.
 * @throws FieldlineError backbone/unreachable, backbone/refused: never the fault of a sample
 */
export const publishTo =
  (backbone: Pick<Backbone, 'append'>, topic: string): Publish =>
  async (written) => {
    let piece: NewRecord[] = [];
    let bytes = 0;
    for (const record of recordsOf(written)) {
      piece.push(record);
      bytes += record.value.length;
      if (bytes < pieceBytes) continue;
      await append(backbone, topic, piece);
      piece = [];
      bytes = 0;
    }
    if (piece.length > 0) await append(backbone, topic, piece);
  };

async function append(backbone: Pick<Backbone, 'append'>, topic: string, records: readonly NewRecord[]): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () =>
      reject(
        new FieldlineError(
          'backbone/unreachable',
          `appending to ${topic}: no answer within ${appendTimeoutMs / 1_000} s`,
        ),
      ),
    appendTimeoutMs,
  );
  try {
    await Promise.race([backbone.append(topic, records), late]);
  } catch (error) {
    throw isFieldlineError(error, 'record/too-large') ? tooSmall(topic, error) : error;
  } finally {
    clearTimeout(timer);
  }
}

/** Our records are far smaller than a topic of ours allows: somebody has changed it. */
const tooSmall = (topic: string, cause: FieldlineError): FieldlineError =>
  new FieldlineError(
    'backbone/refused',
    `${topic} takes no records of 500 kB: raise its max.message.bytes (kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config max.message.bytes=1048588), and backbone.maxRecordBytes if it is lower`,
    { cause },
  );
