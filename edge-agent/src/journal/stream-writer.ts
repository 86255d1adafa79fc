/**
 * Numbers and encodes the batches of one stream. A number is given once: a batch that could not be written keeps its
 * number and its bytes, wherever it is kept then.
 *
 * `read` in a batch is `filtered` plus the samples of batches 1..seq, so a sample that never gets into a batch (too large)
 * is not counted as read: it is declared, with its series and time.
 */
import {
  type Compression,
  type Declaration,
  encodePart,
  type Micros,
  maxBatchSamples,
  maxDecodedBytes,
  type Predecessor,
  type SampleColumns,
  type SamplePart,
  type Tag,
  type TagClass,
  TagPlaces,
  volatileBytes,
} from '@fieldline/shared/contracts';
import type { NewBatch } from './batches.ts';

export type StreamHead = {
  readonly gateway: string;
  readonly stream: string;
  readonly previous: Predecessor | null;
  readonly volatile: boolean;
  readonly class: TagClass;
};

/** A batch, and the samples that it has. */
export type Encoded = { readonly batch: NewBatch; readonly part: SamplePart };

export type Encoding = { readonly compression: Compression; readonly maxBatchBytes: number };

/** Of a sample and its tag in JSON, strings of values apart. */
const mostBytesPerSample = 220;
/** A declaration in JSON is shorter. */
const bytesPerDeclaration = 400;

export class StreamWriter {
  readonly head: StreamHead;
  private readonly encoding: Encoding;
  private readonly places = new TagPlaces();
  private seq = 0;
  private sent = 0;
  private filtered = 0;
  /** As seen in the batch before: how many samples to try in the next. */
  private bytesPerSample = 0;

  constructor(head: StreamHead, encoding: Encoding) {
    this.head = head;
    this.encoding = encoding;
  }

  get lastSeq(): number {
    return this.seq;
  }

  /** At least one batch, if only to state the counts and the predecessor. */
  encode(samples: SampleColumns, declared: readonly Declaration[], filtered: number, now: Micros): Encoded[] {
    this.filtered += filtered;
    const encoded: Encoded[] = [];
    const toDeclare = [...declared];
    let position = 0;
    do {
      const some = toDeclare.splice(0, Math.max(1, Math.floor(this.encoding.maxBatchBytes / 2 / bytesPerDeclaration)));
      const { taken, bytes } = this.fit(samples, position, some);
      if (taken === 0 && some.length === 0 && position < samples.length) {
        toDeclare.push(tooLarge(samples.tagAt(position), samples.timeAt(position)));
        position += 1;
        continue;
      }
      this.seq += 1;
      this.sent += taken;
      const { stream, class: tagClass } = this.head;
      const head = { stream, seq: this.seq, class: tagClass, samples: taken };
      const part = samples.part(position, position + taken);
      encoded.push({ batch: { ...head, bytes, encodedAt: now, declared: some }, part });
      position += taken;
    } while (position < samples.length || toDeclare.length > 0);
    return encoded;
  }

  /** As many samples from `position` on as fit into one batch. */
  private fit(samples: SampleColumns, position: number, declared: readonly Declaration[]) {
    // It may have to be marked.
    const maxBatchBytes = this.encoding.maxBatchBytes - volatileBytes;
    let taken = Math.min(decodable(samples, position), this.likely());
    for (;;) {
      const bytes = this.bytesOf(samples.part(position, position + taken), declared);
      if (bytes.length <= maxBatchBytes || taken === 0) {
        if (taken > 100) this.bytesPerSample = bytes.length / taken;
        return { taken, bytes };
      }
      taken = taken === 1 ? 0 : Math.max(1, Math.floor((taken * maxBatchBytes * 0.9) / bytes.length));
    }
  }

  private likely(): number {
    if (this.bytesPerSample === 0) return maxBatchSamples;
    return Math.max(100, Math.floor((this.encoding.maxBatchBytes * 0.95) / this.bytesPerSample));
  }

  private bytesOf(part: SamplePart, declared: readonly Declaration[]): Buffer {
    const { previous, ...head } = this.head;
    const seq = this.seq + 1;
    const read = this.filtered + this.sent + part.to - part.from;
    const batch = { ...head, seq, ...(seq === 1 ? { previous } : {}), read, filtered: this.filtered, declared };
    return encodePart(batch, part, this.encoding.compression, this.places);
  }
}

/** How many samples from `position` on the reader can take at once: it bounds their number and what they unpack to. */
function decodable(samples: SampleColumns, position: number): number {
  const most = Math.min(samples.length - position, maxBatchSamples);
  let bytes = 0;
  for (let taken = 0; taken < most; taken++) {
    const value = samples.valueAt(position + taken);
    // A character takes at most 6 bytes in JSON.
    bytes += mostBytesPerSample + (typeof value === 'string' ? value.length * 6 : 0);
    if (bytes > maxDecodedBytes) return taken;
  }
  return most;
}

const tooLarge = ({ device, tag }: Tag, time: Micros): Declaration => ({
  kind: 'series',
  device,
  tag,
  from: time,
  to: time,
  samples: 1,
  reason: 'too-large',
});
