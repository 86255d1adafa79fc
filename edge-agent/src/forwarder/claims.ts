import { addRange, emptyRanges, type Ranges, subtractRanges, unionRanges } from '@fieldline/shared/contracts';

/** Batches that a lane has taken up: sent, in flight or about to be. What is open and not claimed is the backlog. */
export class Claims {
  private readonly byStream = new Map<string, Ranges>();

  of(stream: string): Ranges {
    return this.byStream.get(stream) ?? emptyRanges;
  }

  add(stream: string, ranges: Ranges): void {
    this.byStream.set(stream, unionRanges(this.of(stream), ranges));
  }

  addOne(stream: string, seq: number): void {
    this.byStream.set(stream, addRange(this.of(stream), seq));
  }

  release(stream: string, ranges: Ranges): void {
    this.byStream.set(stream, subtractRanges(this.of(stream), ranges));
  }

  releaseOne(stream: string, seq: number): void {
    this.release(stream, [[seq, seq]]);
  }

  /** Forgets streams that are gone. */
  keepOnly(streams: readonly string[]): void {
    for (const stream of this.byStream.keys()) if (!streams.includes(stream)) this.byStream.delete(stream);
  }
}
