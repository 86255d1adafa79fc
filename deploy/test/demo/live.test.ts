import { expect, test } from 'vitest';
import { liveLine, sumOf } from '../../demo/live.ts';

const metrics = `# HELP x_total samples
# TYPE x_total counter
x_total{device="a"} 3
x_total{device="b"} 4
x_total_other 100
y_bytes 1.5e+3
`;

test('a metric is summed over its labels and not mixed with one whose name only begins alike', () => {
  expect(sumOf(metrics, 'x_total')).toBe(7);
  expect(sumOf(metrics, 'y_bytes')).toBe(1_500);
  expect(sumOf(metrics, 'z_total')).toBeNull();
});

test('what is not known yet is shown as a dash, never as zero', () => {
  const unknown = {
    read: null,
    filtered: null,
    published: null,
    journalBatches: null,
    journalBytes: null,
    stored: null,
  };
  const line = liveLine(65_000, { ...unknown, read: 1_234, missing: 0, doubled: null });
  expect(line).toBe(
    '01:05  read 1,234 · held back – · published – · stored – · missing 0 · doubled – · journal – unconfirmed, – kB',
  );
});
