import { createBackoff, pause, retry } from '@fieldline/shared/runtime';
import { describe, expect, it } from 'vitest';

describe('back-off', () => {
  it('doubles from first to most, and begins anew after a reset', () => {
    const backoff = createBackoff({ firstMs: 100, maxMs: 700, random: () => 1 });
    expect([backoff.next(), backoff.next(), backoff.next(), backoff.next(), backoff.next()]).toEqual([
      100, 200, 400, 700, 700,
    ]);
    backoff.reset();
    expect(backoff.next()).toBe(100);
  });

  it('takes between half and all of a pause, so that a fleet does not return as one', () => {
    const shortest = createBackoff({ firstMs: 100, maxMs: 700, random: () => 0 });
    expect(shortest.next()).toBe(50);
  });

  it('pauses for longer than a timer can, and does not end at once', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    const abort = new AbortController();
    const paused = pause(3_000_000_000, abort.signal);
    await pause(50);
    expect(warnings).toEqual([]);
    abort.abort();
    expect(await paused, 'it was still going on').toBe(false);
    process.off('warning', warned);
  });

  it('ends a pause early when the signal is aborted', async () => {
    const abort = new AbortController();
    const paused = pause(3_600_000, abort.signal);
    abort.abort();
    expect(await paused).toBe(false);
  });
});

describe('retry', () => {
  const options = { firstMs: 1, maxMs: 2, signal: new AbortController().signal };

  it('tries until it succeeds, and tells of each pause', async () => {
    let tries = 0;
    const told: number[] = [];
    const result = await retry(
      async () => {
        tries += 1;
        if (tries < 4) throw new Error('not yet');
        return 'done';
      },
      { ...options, retryable: () => true, onRetry: (_, ms) => told.push(ms) },
    );
    expect(result).toBe('done');
    expect(told).toHaveLength(3);
  });

  it('gives up at once on what will never succeed', async () => {
    let tries = 0;
    const never = retry(
      async () => {
        tries += 1;
        throw new Error('never');
      },
      { ...options, retryable: () => false },
    );
    await expect(never).rejects.toThrow('never');
    expect(tries).toBe(1);
  });

  it('gives up when the signal is aborted during a pause', async () => {
    const abort = new AbortController();
    const tried = retry(async () => Promise.reject(new Error('away')), {
      firstMs: 3_600_000,
      maxMs: 3_600_000,
      signal: abort.signal,
      retryable: () => true,
      onRetry: () => abort.abort(),
    });
    await expect(tried).rejects.toThrow('away');
  });
});
