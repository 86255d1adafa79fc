import { describe, expect, it } from 'vitest';
import { Resend } from '../../src/forwarder/resend.ts';

const resend = () => new Resend({ resendAfterMs: 1_000, random: () => 0 });

describe('what was sent', () => {
  it('is due after its time, as the ranges that were sent together', () => {
    const sent = resend();
    for (const seq of [1, 2, 3]) sent.sent('a', seq, 1, 0);
    sent.sent('a', 7, 1, 10);
    expect(sent.due(999, false)).toEqual([]);
    expect(sent.due(1_010, false)).toEqual([
      { stream: 'a', from: 1, to: 3, times: 1 },
      { stream: 'a', from: 7, to: 7, times: 1 },
    ]);
    expect(sent.due(9_999, false)).toEqual([]);
  });

  it('waits twice as long each time, up to 64 times the first pause', () => {
    const dueAfter = (times: number): number => {
      const sent = resend();
      sent.sent('a', 1, times, 0);
      let ms = 0;
      while (sent.due(ms, false).length === 0) ms += 500;
      return ms;
    };
    expect([1, 2, 3, 4].map(dueAfter)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect([7, 8, 20].map(dueAfter)).toEqual([64_000, 64_000, 64_000]);
  });

  it('is not due while the cloud lags, and has its whole time again afterwards', () => {
    const sent = resend();
    sent.sent('a', 1, 1, 0);
    expect(sent.due(5_000, true)).toEqual([]);
    expect(sent.due(5_999, false)).toEqual([]);
    expect(sent.due(6_000, false)).toHaveLength(1);
  });

  it('is forgotten when nothing of it is open', () => {
    const sent = resend();
    sent.sent('a', 1, 1, 0);
    sent.sent('b', 1, 1, 0);
    sent.forget((stream) => (stream === 'a' ? [[1, 4]] : []));
    expect(sent.due(1_000, false)).toEqual([{ stream: 'a', from: 1, to: 1, times: 1 }]);
  });
});
