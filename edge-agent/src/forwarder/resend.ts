import { intersectRanges, type Ranges } from '@fieldline/shared/contracts';

/** Consecutive batches that were sent for the nth time at about the same time. */
export type Sent = { readonly stream: string; readonly from: number; readonly to: number; readonly times: number };

export type ResendOptions = { readonly resendAfterMs: number; readonly random: () => number };

/** A pause doubles with each sending, up to this many times the first. */
const longestPause = 64;
/** Sent within this time counts as sent at once: it keeps the list short while hours of backlog drain. */
const togetherMs = 500;

type Entry = { sent: Sent; atMs: number; dueMs: number };

/** What was sent and waits to be confirmed, and when it is to be sent again. */
export class Resend {
  private readonly options: ResendOptions;
  private waiting: Entry[] = [];

  constructor(options: ResendOptions) {
    this.options = options;
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  sent(stream: string, seq: number, times: number, nowMs: number): void {
    const joins = ({ sent, atMs }: Entry): boolean =>
      sent.stream === stream && sent.times === times && sent.to + 1 === seq && nowMs - atMs < togetherMs;
    // Of several lanes each extends its own entry, and those are among the last.
    for (let at = this.waiting.length - 1; at >= Math.max(0, this.waiting.length - 8); at--) {
      const entry = this.waiting[at];
      if (entry === undefined || !joins(entry)) continue;
      entry.sent = { ...entry.sent, to: seq };
      return;
    }
    const nominalMs = this.options.resendAfterMs * Math.min(2 ** (times - 1), longestPause);
    const dueMs = nowMs + nominalMs * (1 + this.options.random() / 4);
    this.waiting.push({ sent: { stream, from: seq, to: seq, times }, atMs: nowMs, dueMs });
  }

  /** Takes out what is due. While the cloud says that it lags, nothing is: it has the batches, only not yet stored. */
  due(nowMs: number, isLagging: boolean): readonly Sent[] {
    const isDue = ({ dueMs }: Entry): boolean => dueMs <= nowMs;
    if (isLagging) {
      for (const entry of this.waiting) if (isDue(entry)) entry.dueMs = nowMs + this.options.resendAfterMs;
      return [];
    }
    const due = this.waiting.filter(isDue);
    if (due.length > 0) this.waiting = this.waiting.filter((entry) => !isDue(entry));
    return due.map(({ sent }) => sent);
  }

  /** Forgets what needs no sending any more. */
  forget(openOf: (stream: string) => Ranges): void {
    this.waiting = this.waiting.filter(
      ({ sent }) => intersectRanges([[sent.from, sent.to]], openOf(sent.stream)).length > 0,
    );
  }
}
