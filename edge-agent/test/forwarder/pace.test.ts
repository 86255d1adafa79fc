import { describe, expect, it } from 'vitest';
import { Pace, type PaceOptions } from '../../src/forwarder/pace.ts';

const pace = (options: Partial<PaceOptions> = {}) => new Pace({ mostInFlight: 24, ...options });

/** A way that carries one batch each `batchMs` and answers `delayMs` after: how the backlog fares on it. */
function drainOver(subject: Pace, batchMs: number, delayMs: number, forMs: number) {
  const underWay: { readonly sentAtMs: number; readonly answerAtMs: number }[] = [];
  let freeAtMs = 0;
  let answered = 0;
  let longestQueueMs = 0;
  for (let nowMs = 0; nowMs < forMs; nowMs++) {
    while (underWay[0] !== undefined && underWay[0].answerAtMs <= nowMs) {
      subject.answered(underWay[0].sentAtMs, nowMs);
      underWay.shift();
      answered += 1;
    }
    while (subject.hasRoom(underWay.length, nowMs)) {
      subject.sent(1);
      freeAtMs = Math.max(freeAtMs, nowMs) + batchMs;
      underWay.push({ sentAtMs: nowMs, answerAtMs: freeAtMs + delayMs });
    }
    longestQueueMs = Math.max(longestQueueMs, freeAtMs - nowMs);
  }
  return { answered, longestQueueMs };
}

describe('the pace of the backlog', () => {
  it('fills a fast link', () => {
    const subject = pace();
    const { answered } = drainOver(subject, 1, 20, 2_000);
    expect(subject.mostInFlight).toBe(24);
    expect(answered).toBeGreaterThan(1_800);
  });

  it('uses a slow link nearly whole, and keeps its queue short', () => {
    const { answered, longestQueueMs } = drainOver(pace(), 100, 50, 60_000);
    expect(answered).toBeGreaterThan(0.95 * 600);
    expect(longestQueueMs).toBeLessThan(1_000);
  });

  it('takes a long way for no queue', () => {
    const subject = pace();
    drainOver(subject, 1, 800, 30_000);
    expect(subject.mostInFlight).toBe(24);
  });

  it('goes down to one batch at a time, and no further', () => {
    const subject = pace();
    for (let n = 0; n < 10; n++) subject.answered(n, n + 5);
    for (let n = 1; n < 20; n++) subject.refused(1_000 * n, 1_000 * n + 1);
    expect(subject.mostInFlight).toBe(1);
    expect(subject.hasRoom(0, 30_000)).toBe(true);
    expect(subject.hasRoom(1, 30_000)).toBe(false);
  });

  it('halves once for what was under way together', () => {
    const subject = pace();
    for (let n = 0; n < 15; n++) subject.answered(n, n + 5);
    expect(subject.mostInFlight).toBe(16);
    for (let n = 0; n < 16; n++) subject.answered(100 + n, 1_000 + n);
    expect(subject.mostInFlight).toBe(8);
  });

  it('keeps to the messages and bytes a second that the settings allow', () => {
    const inTenSeconds = (options: Partial<PaceOptions>, bytes: number): number => {
      const subject = pace(options);
      let sent = 0;
      for (let nowMs = 0; nowMs < 10_000; nowMs += 10) {
        for (; subject.hasRoom(0, nowMs); sent++) subject.sent(bytes);
      }
      return sent;
    };
    expect(inTenSeconds({ messagesPerSecond: 5 }, 1)).toBeGreaterThanOrEqual(54);
    expect(inTenSeconds({ messagesPerSecond: 5 }, 1)).toBeLessThanOrEqual(56);
    expect(inTenSeconds({ messagesPerSecond: 0.2 }, 1)).toBeLessThanOrEqual(3);
    const batches = inTenSeconds({ bytesPerSecond: 10_000 }, 30_000);
    expect(batches).toBeGreaterThanOrEqual(3);
    expect(batches).toBeLessThanOrEqual(4);
  });

  it('saves up for a second at most', () => {
    const subject = pace({ messagesPerSecond: 10 });
    subject.hasRoom(0, 0);
    let sent = 0;
    for (; subject.hasRoom(0, 3_600_000); sent++) subject.sent(1);
    expect(sent).toBe(10);
  });
});

describe('batches without a commit', () => {
  /** A database that commits one batch each `batchMs`, and says so each `ackMs`. */
  function storeIn(subject: Pace, batchMs: number, ackMs: number, forMs: number) {
    const waiting: number[] = [];
    let busyUntilMs = 0;
    let stored = 0;
    let longestMs = 0;
    let ready: { readonly sentAtMs: number; readonly doneMs: number }[] = [];
    for (let nowMs = 1; nowMs < forMs; nowMs++) {
      for (; waiting.length + ready.length < subject.mostUncommitted; waiting.push(nowMs)) subject.sent(1);
      while (busyUntilMs <= nowMs && waiting.length > 0) {
        busyUntilMs = Math.max(busyUntilMs, nowMs - 1) + batchMs;
        ready.push({ sentAtMs: waiting.shift() ?? 0, doneMs: busyUntilMs });
      }
      if (nowMs % ackMs !== 0) continue;
      const done = ready.filter(({ doneMs }) => doneMs <= nowMs);
      ready = ready.filter(({ doneMs }) => doneMs > nowMs);
      const newest = done.at(-1);
      if (newest === undefined) continue;
      stored += done.length;
      longestMs = Math.max(longestMs, nowMs - newest.sentAtMs);
      subject.committed(newest.sentAtMs, nowMs, done.length);
    }
    return { stored, longestMs };
  }

  it('are as many as keep a quick database busy', () => {
    const { stored } = storeIn(pace(), 0.5, 200, 30_000);
    expect(stored).toBeGreaterThan(0.9 * 60_000);
  });

  it('are few before a slow one, which is kept busy all the same', () => {
    const { stored, longestMs } = storeIn(pace(), 20, 200, 60_000);
    expect(stored).toBeGreaterThan(0.9 * 3_000);
    expect(longestMs).toBeLessThan(3_000);
  });
});
