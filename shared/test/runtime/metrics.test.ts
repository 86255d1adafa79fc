import { createMetrics } from '@fieldline/shared/runtime';
import { expect, test } from 'vitest';

const namesOf = async (metrics: ReturnType<typeof createMetrics>): Promise<Set<string>> =>
  new Set([...(await metrics.text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name));

test('a process that rests tells what the others do, but for what would wake it', async () => {
  const all = await namesOf(createMetrics());
  const own = await namesOf(createMetrics({ rests: true }));
  expect([...own].filter((name) => !all.has(name))).toEqual([]);
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_heap_size_used_bytes'])
    expect(own).toContain(name);
  const left = [...all].filter((name) => !own.has(name));
  expect(left.filter((name) => !/^nodejs_(eventloop_lag|gc|active_(handles|requests))/.test(name))).toEqual([]);
  expect(left).toContain('nodejs_gc_duration_seconds');
});
