import { emptyRanges, type Ranges, subtractRanges, unionRanges } from '@fieldline/shared/contracts';

/** What the cloud asks for: it repeats that until it has it, and each batch is sent once per `againAfterMs` for it. */
export class Asked {
  private readonly againAfterMs: number;
  private readonly byStream = new Map<string, Ranges>();
  private sinceMs = 0;

  constructor(againAfterMs: number) {
    this.againAfterMs = againAfterMs;
  }

  /** Of what is asked for, that which was not sent for it lately. */
  fresh(stream: string, ranges: Ranges, nowMs: number): Ranges {
    if (nowMs - this.sinceMs >= this.againAfterMs) {
      this.byStream.clear();
      this.sinceMs = nowMs;
    }
    const before = this.byStream.get(stream) ?? emptyRanges;
    const fresh = subtractRanges(ranges, before);
    this.byStream.set(stream, unionRanges(before, fresh));
    return fresh;
  }

  clear(): void {
    this.byStream.clear();
  }
}
