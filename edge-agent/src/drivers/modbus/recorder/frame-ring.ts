import type { Micros } from '@fieldline/shared/contracts';

/** What happened on a link: bytes as they went or came, or a new connection, from which on all begins anew. */
export type Recorded = {
  readonly kind: 'sent' | 'received' | 'connected';
  readonly time: Micros;
  readonly bytes: Buffer;
};

const kinds = ['sent', 'received', 'connected'] as const;
/** Time, length, kind. */
const headBytes = 8 + 2 + 1;
/** The longest frame that there is, in ASCII; of a longer chunk the beginning. */
const maxRecordBytes = 520;

/**
 * The last frames of one link, within a number of bytes. Two halves: when the newer is full, the older is forgotten and written
 * anew; so at least half of the room always holds the last frames, and nothing is moved or allocated per frame.
 */
export class FrameRing {
  private readonly halfBytes: number;
  /** Allocated when there is something to record: many a link is down for good. */
  private newer: Buffer | null = null;
  private older: Buffer | null = null;
  private used = 0;
  private olderUsed = 0;

  constructor(sizeBytes: number) {
    this.halfBytes = Math.max(headBytes + maxRecordBytes, sizeBytes >> 1);
  }

  add(kind: Recorded['kind'], bytes: Buffer, time: Micros): void {
    const length = Math.min(bytes.length, maxRecordBytes);
    if (this.newer === null) this.newer = Buffer.allocUnsafeSlow(this.halfBytes);
    else if (this.used + headBytes + length > this.halfBytes) this.turn();
    const at = this.used;
    this.newer.writeDoubleLE(time, at);
    this.newer.writeUInt16LE(length, at + 8);
    this.newer.writeUInt8(kinds.indexOf(kind), at + 10);
    bytes.copy(this.newer, at + headBytes, 0, length);
    this.used = at + headBytes + length;
  }

  /** In the order in which they happened; the bytes are copies. */
  recorded(): Recorded[] {
    return [...recordsIn(this.older, this.olderUsed), ...recordsIn(this.newer, this.used)];
  }

  private turn(): void {
    const free = this.older ?? Buffer.allocUnsafeSlow(this.halfBytes);
    this.older = this.newer;
    this.olderUsed = this.used;
    this.newer = free;
    this.used = 0;
  }
}

function* recordsIn(half: Buffer | null, used: number): Generator<Recorded> {
  if (half === null) return;
  for (let at = 0; at < used; ) {
    const end = at + headBytes + half.readUInt16LE(at + 8);
    const kind = kinds[half.readUInt8(at + 10)] ?? 'connected';
    yield { kind, time: half.readDoubleLE(at), bytes: Buffer.from(half.subarray(at + headBytes, end)) };
    at = end;
  }
}
