import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { openServedLog } from '../src/served-log.ts';

const folder = temporaryFolder();
const linesOf = (file: string): unknown[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

test('every value is one line of JSON; what JSON has no number for is text', () => {
  const file = join(folder, 'values.jsonl');
  const log = openServedLog(file);
  const values = [1.5, true, 'AUTO "1"', 18446744073709551615n, Number.NaN, -0];
  log.write(values.map((value, index) => ({ time: 1_700_000_000_000_000 + index, device: 'plc', point: 'x', value })));
  log.close();
  expect(linesOf(file)).toEqual(
    [1.5, true, 'AUTO "1"', '18446744073709551615', 'NaN', 0].map((value, index) => ({
      time: 1_700_000_000_000_000 + index,
      device: 'plc',
      point: 'x',
      value,
    })),
  );
});

test('values are in the file soon, without closing; a second opening goes on behind them', async () => {
  const file = join(folder, 'soon.jsonl');
  const first = openServedLog(file);
  first.write([{ time: 1, device: 'a', point: 'x', value: 1 }]);
  await waitFor(() => linesOf(file).length === 1, { what: 'the flush' });
  first.close();
  first.close();
  const second = openServedLog(file);
  second.write([{ time: 2, device: 'a', point: 'x', value: 2 }]);
  second.close();
  expect(linesOf(file)).toMatchObject([{ time: 1 }, { time: 2 }]);
});

test('a file that cannot be written is named', () => {
  expect(() => openServedLog(join(folder, 'missing', 'x.jsonl'))).toThrow('servedLog: cannot write');
});
