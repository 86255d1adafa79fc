import type { Predecessor } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import type { SegmentHead } from './segment.ts';
import { type Encoding, StreamWriter } from './stream-writer.ts';

export type ChainOptions = Encoding & {
  readonly gateway: string;
  /** A new UUID. */
  readonly newStream: () => string;
  readonly clock: Clock;
};

/** The openings of a journal, each of which names the one before. Streams that begin in memory stand outside. */
export class Chain {
  /** The newest opening and the last number that it gave; null before the first. */
  end: Predecessor | null = null;
  private readonly options: ChainOptions;
  private openedAt = 0;

  constructor(options: ChainOptions) {
    this.options = options;
  }

  /** Not part of the chain before it has written. */
  next(): StreamWriter {
    return this.writer(this.end, false);
  }

  /**
   * Names no predecessor, though one may be known. It may end with the process and leave no trace in the folder: the next
   * opening then names the same one as it would have, and the cloud would take the two for a cloned card (`forked-stream`).
   * How far that one went, the state message says.
   */
  volatile(): StreamWriter {
    return this.writer(null, true);
  }

  wrote({ head, lastSeq }: StreamWriter): void {
    if (!head.volatile) this.end = { stream: head.stream, lastSeq };
  }

  /** Of a segment that is made now. */
  headOf(volatile: boolean): SegmentHead {
    return { gateway: this.options.gateway, openedAt: this.openedAt, volatile };
  }

  private writer(previous: Predecessor | null, volatile: boolean): StreamWriter {
    const { gateway, newStream, clock } = this.options;
    this.openedAt = clock.now();
    return new StreamWriter({ gateway, stream: newStream(), previous, volatile }, this.options);
  }
}
