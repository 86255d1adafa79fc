import { GOOD, qualityCode, type Sample, type Tag, type TagClass } from '@fieldline/shared/contracts';
import { createMetrics, type Log, silentLog } from '@fieldline/shared/runtime';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { PollRequest } from '../../src/drivers/driver.ts';
import { createPoller } from '../../src/poller/poller.ts';
import { listeningLog } from '../helpers/listening-log.ts';

/** The poller sleeps by setTimeout; its clock and its timers are put forward together. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'], now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});
const clock = { now: () => Math.round(performance.now() * 1_000), monotonicMs: () => performance.now() };
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Requests that note when they were begun, and take a while. */
function createPlant() {
  const begun: Record<string, number[]> = {};
  const running = new Map<string, number>();
  let mostPerLink = 0;
  const add = (
    name: string,
    everyMs: number,
    takesMs = 0,
    link = 'link',
    tagClass: TagClass = 'process',
  ): PollRequest => {
    const tag: Tag = { device: name, tag: 't', type: 'int16' };
    const starts: number[] = [];
    begun[name] = starts;
    const read = async (signal: AbortSignal): Promise<Sample[]> => {
      starts.push(Math.round(performance.now()));
      running.set(link, (running.get(link) ?? 0) + 1);
      mostPerLink = Math.max(mostPerLink, running.get(link) ?? 0);
      if (takesMs > 0)
        await Promise.race([wait(takesMs), new Promise((resolve) => signal.addEventListener('abort', resolve))]);
      running.set(link, (running.get(link) ?? 0) - 1);
      return [{ tag, time: clock.now(), value: 1, quality: GOOD }];
    };
    return { link, name, everyMs, class: tagClass, read };
  };
  return { add, begun, running, mostPerLink: () => mostPerLink };
}

function startPoller(requests: readonly PollRequest[], log: Log = silentLog) {
  const metrics = createMetrics();
  const samples: Sample[] = [];
  const onSamples = (taken: readonly Sample[]): void => void samples.push(...taken);
  const poller = createPoller({ clock, onSamples, metrics, log });
  poller.start(requests);
  const missed = async (link: string): Promise<number> => {
    const lines = (await metrics.text()).matchAll(
      new RegExp(`fieldline_poller_missed_total\\{link="${link}",class="\\w+"\\} (\\d+)`, 'g'),
    );
    return [...lines].reduce((sum, [, turns]) => sum + Number(turns), 0);
  };
  return { ...poller, samples, missed };
}

describe('the poller', () => {
  test('reads each request once per period, without drift, however long a read takes', async () => {
    const plant = createPlant();
    const poller = startPoller([plant.add('a', 100, 37)]);
    await vi.advanceTimersByTimeAsync(1_050);
    await poller.close();
    expect(plant.begun.a).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000]);
    expect(await poller.missed('link')).toBe(0);
    expect(poller.samples).toHaveLength(11);
  });

  test('staggers requests of one period', async () => {
    const plant = createPlant();
    const poller = startPoller(['a', 'b', 'c', 'd'].map((name) => plant.add(name, 1_000, 0, name)));
    await vi.advanceTimersByTimeAsync(999);
    await poller.close();
    expect(plant.begun).toEqual({ a: [0], b: [250], c: [500], d: [750] });
  });

  test('looks again before the next turn where nobody was there, and tells of that once a turn', async () => {
    const plant = createPlant();
    const hourly = plant.add('a', 3_600_000);
    const away = { value: null, quality: qualityCode('bad/not-connected') };
    const isAway = (): boolean => performance.now() < 5_000 || Math.abs(performance.now() - 7_200_000) < 3_000;
    const read = async (signal: AbortSignal): Promise<Sample[]> => {
      const samples = await hourly.read(signal);
      return isAway() ? samples.map((sample) => ({ ...sample, ...away })) : [...samples];
    };
    const poller = startPoller([{ ...hourly, read }]);
    await vi.advanceTimersByTimeAsync(3 * 3_600_000 + 500);
    await poller.close();
    expect(plant.begun.a).toEqual([
      ...[0, 2_000, 4_000, 6_000],
      3_600_000,
      ...[7_200_000, 7_202_000, 7_204_000],
      10_800_000,
    ]);
    expect(poller.samples.map(({ time, value }) => `${time / 1_000} ${value}`)).toEqual([
      ...['0 null', '6000 1'],
      '3600000 1',
      ...['7200000 null', '7204000 1'],
      '10800000 1',
    ]);
    expect(await poller.missed('link')).toBe(0);
  });

  test('keeps the turns of a request that is due again before it would be looked again', async () => {
    const plant = createPlant();
    const quick = plant.add('a', 1_000);
    const away = { value: null, quality: qualityCode('bad/not-connected') };
    const read = async (signal: AbortSignal): Promise<Sample[]> =>
      (await quick.read(signal)).map((sample) => ({ ...sample, ...away }));
    const poller = startPoller([{ ...quick, read }]);
    await vi.advanceTimersByTimeAsync(10_500);
    await poller.close();
    expect(poller.samples).toHaveLength(11);
  });

  test('runs requests of one link one after another, those of others beside them', async () => {
    const plant = createPlant();
    const slow = ['a', 'b', 'c'].map((name) => plant.add(name, 100, 60, 'slow'));
    const poller = startPoller([...slow, plant.add('quick', 50, 1, 'quick')]);
    await vi.advanceTimersByTimeAsync(1_000);
    await poller.close();
    expect(plant.mostPerLink()).toBe(1);
    expect(plant.begun.quick).toHaveLength(21);
    expect(await poller.missed('quick')).toBe(0);
  });

  test('misses no turn while a request is read for the first time, whose connection must be opened; after that it does', async () => {
    const plant = createPlant();
    const { lines, log } = listeningLog();
    const request = plant.add('a', 20);
    let takesMs = 500;
    const read = async (signal: AbortSignal): Promise<readonly Sample[]> => {
      const ms = takesMs;
      takesMs = 0;
      if (ms > 0) await wait(ms);
      return await request.read(signal);
    };
    const poller = startPoller([{ ...request, read }], log);
    await vi.advanceTimersByTimeAsync(700);
    expect(await poller.missed('link')).toBe(0);
    expect(lines).toEqual([]);
    expect(poller.note()).toBeNull();
    takesMs = 100;
    await vi.advanceTimersByTimeAsync(300);
    expect(await poller.missed('link')).toBe(4);
    expect(lines).toHaveLength(1);
    expect(poller.note()).toMatch(/^link has missed 4 turns within \d s: it, or this machine, is too busy$/);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(poller.note(), 'it has caught up').toBeNull();
    await poller.close();
  });

  test('shares a link that is too slow among its requests and counts every turn that is missed', async () => {
    const plant = createPlant();
    const poller = startPoller(['a', 'b'].map((name) => plant.add(name, 100, 100)));
    await vi.advanceTimersByTimeAsync(10_000);
    const reads = [plant.begun.a?.length ?? 0, plant.begun.b?.length ?? 0];
    expect(Math.abs((reads[0] ?? 0) - (reads[1] ?? 0))).toBeLessThanOrEqual(1);
    const turns = 2 * 100;
    const missed = await poller.missed('link');
    expect(reads.reduce((sum, count) => sum + count) + missed).toBeGreaterThanOrEqual(turns - 4);
    expect(reads.reduce((sum, count) => sum + count) + missed).toBeLessThanOrEqual(turns + 4);
    expect(missed).toBeGreaterThanOrEqual(95);
    await poller.close();
  });

  test('speaks of a link that misses turns once a minute, not at each of them', async () => {
    const plant = createPlant();
    const warn = vi.fn();
    const log = Object.create(silentLog, { warn: { value: warn } });
    const poller = startPoller([plant.add('a', 100, 250)], log);
    await vi.advanceTimersByTimeAsync(130_000);
    await poller.close();
    expect(warn).toHaveBeenCalledTimes(3);
    // 600 turns a minute, of which a read of 250 ms leaves 240.
    expect(warn.mock.calls[1]?.[0]).toMatchObject({ link: 'link', turns: 360 });
  });

  test('a quick request is read between the slow ones of its link, as soon as it is due', async () => {
    const plant = createPlant();
    const slow = Array.from({ length: 10 }, (_, n) => plant.add(`slow${n}`, 2_000, 90));
    const poller = startPoller([...slow, plant.add('quick', 200, 1)]);
    await vi.advanceTimersByTimeAsync(6_000);
    await poller.close();
    expect(plant.begun.quick).toHaveLength(31);
    expect(await poller.missed('link')).toBe(0);
  });

  test('lets others run when a link answers without waiting', async () => {
    vi.useRealTimers();
    const plant = createPlant();
    const requests = Array.from({ length: 2_000 }, (_, n) => plant.add(`r${n}`, 1));
    const poller = startPoller(requests);
    const turns: number[] = [];
    for (let turn = 0; turn < 5; turn++)
      turns.push(await new Promise<number>((resolve) => setImmediate(resolve, turn)));
    expect(turns).toEqual([0, 1, 2, 3, 4]);
    await poller.close();
  });
});

describe('requests that take the place of others', () => {
  test('are read as soon as the link is free; those that stay keep their turns', async () => {
    const plant = createPlant();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => plant.add(name, 1_000, 30));
    if (a === undefined || b === undefined || c === undefined) throw new Error('three requests');
    const poller = startPoller([a, b]);
    await vi.advanceTimersByTimeAsync(1_990);
    poller.replace('link', [a, c]);
    await vi.advanceTimersByTimeAsync(2_000);
    await poller.close();
    expect(plant.begun.a).toEqual([0, 1_000, 2_000, 3_000]);
    expect(plant.begun.b).toEqual([0, 500, 1_500].slice(1));
    // The link looks when its next turn comes, and a is due by then too.
    expect(plant.begun.c?.[0]).toBeLessThanOrEqual(2_030);
    expect(plant.begun.c).toHaveLength(2);
    expect(plant.mostPerLink()).toBe(1);
    expect(await poller.missed('link')).toBe(0);
  });

  test('are not begun while a read of those before runs', async () => {
    const plant = createPlant();
    const [a, b] = [plant.add('a', 1_000, 400), plant.add('b', 1_000, 10)];
    const poller = startPoller([a]);
    await vi.advanceTimersByTimeAsync(200);
    poller.replace('link', [b]);
    await vi.advanceTimersByTimeAsync(2_500);
    await poller.close();
    expect(plant.begun.a).toEqual([0]);
    expect(plant.begun.b?.[0]).toBe(400);
    expect(plant.mostPerLink()).toBe(1);
  });
});

describe('close', () => {
  test('waits for running reads, ends them early and keeps what they brought', async () => {
    const plant = createPlant();
    const poller = startPoller([plant.add('a', 1_000, 60_000), plant.add('b', 1_000, 0, 'other')]);
    await vi.advanceTimersByTimeAsync(10);
    expect(plant.running.get('link')).toBe(1);
    await poller.close();
    expect(plant.running.get('link')).toBe(0);
    expect(poller.samples.map(({ tag }) => tag.device)).toContain('a');
  });

  test('is idempotent, and nothing is read after it', async () => {
    const plant = createPlant();
    const poller = startPoller([plant.add('a', 100)]);
    await vi.advanceTimersByTimeAsync(150);
    await Promise.all([poller.close(), poller.close()]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(plant.begun.a).toEqual([0, 100]);
  });
});
