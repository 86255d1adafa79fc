import { defaultClass, type Predecessor, type TagClass } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import type { SegmentHead } from './segment.ts';
import { type Encoding, type StreamHead, StreamWriter } from './stream-writer.ts';

export type ChainOptions = Encoding & {
  readonly gateway: string;
  /** Of the tags that are read; undefined: the default one. */
  readonly classes?: readonly TagClass[];
  /** A new UUID. */
  readonly newStream: () => string;
  readonly clock: Clock;
};

/** The streams of a journal, one for each class. Each opening names the one before; those that begin in memory stand outside. */
export class Chain {
  /** Of each class the newest opening and the last number that it gave. */
  private readonly ends = new Map<TagClass, Predecessor>();
  private readonly writers = new Map<TagClass, StreamWriter>();
  private readonly classes: readonly TagClass[];
  private readonly options: ChainOptions;
  private openedAt = 0;

  constructor(options: ChainOptions) {
    this.options = options;
    this.classes = options.classes ?? [defaultClass];
    this.goVolatile();
  }

  /** What earlier openings have left. */
  found(ends: ReadonlyMap<TagClass, Predecessor>): void {
    for (const [tagClass, end] of ends) this.ends.set(tagClass, end);
  }

  /** A new opening. Its streams are not part of the chain before they have written. */
  next(): StreamWriter[] {
    return this.open((tagClass) => ({ previous: this.ends.get(tagClass) ?? null, volatile: false }));
  }

  /**
   * New streams, unless they are volatile already. They name no predecessor, though one may be known: they may end with the process
   * and leave no trace in the folder, so the next opening names the same one as they would have, and the cloud would take the two
   * for a cloned card (`forked-stream`). How far they went, the state message says.
   */
  goVolatile(): void {
    const writers = [...this.writers.values()];
    if (writers.length > 0 && writers.every(({ head }) => head.volatile)) return;
    this.use(this.open(() => ({ previous: null, volatile: true })));
  }

  use(writers: readonly StreamWriter[]): void {
    for (const writer of writers) this.writers.set(writer.head.class, writer);
  }

  writerOf(tagClass: TagClass): StreamWriter {
    const writer = this.writers.get(tagClass);
    if (writer === undefined) throw new Error(`the journal was not opened for samples of class ${tagClass}`);
    return writer;
  }

  wrote({ head, lastSeq }: StreamWriter): void {
    if (!head.volatile) this.ends.set(head.class, { stream: head.stream, lastSeq });
  }

  /** Those that are written, and the newest openings. */
  streams(): readonly string[] {
    return [...this.writers.values().map(({ head }) => head.stream), ...this.ends.values().map(({ stream }) => stream)];
  }

  /** Whether a stream is the newest opening of its class. */
  isOpening(stream: string): boolean {
    return this.ends.values().some((end) => end.stream === stream);
  }

  /** Of a segment that is made now. */
  headOf(volatile: boolean): SegmentHead {
    return { gateway: this.options.gateway, openedAt: this.openedAt, volatile };
  }

  private open(stated: (tagClass: TagClass) => Pick<StreamHead, 'previous' | 'volatile'>): StreamWriter[] {
    const { gateway, newStream, clock } = this.options;
    this.openedAt = clock.now();
    return this.classes.map(
      (tagClass) =>
        new StreamWriter({ gateway, stream: newStream(), class: tagClass, ...stated(tagClass) }, this.options),
    );
  }
}
