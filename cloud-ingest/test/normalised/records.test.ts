import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeBatch, normalisedRecordSchema, type Tag, type Value } from '@fieldline/shared/contracts';
import { describe, expect, test } from 'vitest';
import { recordsOf } from '../../src/normalised/records.ts';
import { periodsOf, type Version } from '../../src/store/periods.ts';
import { rowsOf } from '../../src/store/rows.ts';
import { noRules, type Rules, rulesOf } from '../../src/store/rules.ts';
import type { Written } from '../../src/store/write-rows.ts';

const golden = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../../../shared/golden/v1', name));

function goldenBatch() {
  const decoded = decodeBatch(golden('batch.json'), 'pump-station-1');
  if (!decoded.ok) throw new Error(decoded.reason);
  return decoded.batch;
}

/** As `writeRows` gives it; series n is tag n of the batch. */
function writtenOf(
  batch: ReturnType<typeof goldenBatch>,
  rules: readonly Rules[] = [],
  refused: Written['refused'] = [],
): Written {
  return {
    batches: [{ gateway: batch.gateway, streamNo: 1, batch }],
    rows: rowsOf([{ ...batch, streamNo: 1, seriesIds: batch.tags.map((_, n) => n) }]),
    refused,
    rulesOf: (seriesId) => rules[seriesId] ?? noRules,
  };
}

const unitFrom = (validFrom: number, unit: string): Version => ({
  validFrom,
  origin: 'birth',
  stated: { unit },
  released: [],
});
const always = Number.NEGATIVE_INFINITY;
const withUnits = (...versions: readonly Version[]): Rules => rulesOf(periodsOf(versions), 'float64');

const manySamples = (
  values: readonly Value[],
  tags: readonly Tag[] = [{ device: 'plc1', tag: 'a', type: 'string' }],
) => ({
  ...goldenBatch(),
  tags,
  sent: values.length,
  tagIndex: values.map((_, n) => n % tags.length),
  time: values.map((_, n) => n),
  value: values,
  quality: values.map(() => 0),
});
const parse = (value: Buffer) => normalisedRecordSchema.parse(JSON.parse(value.toString()));

describe('records of normalised samples', () => {
  test('of the golden batch are the golden records', () => {
    const rules = [withUnits(unitFrom(always, 'm')), noRules, withUnits(unitFrom(always, 'Wh'))];
    const records = [...recordsOf(writtenOf(goldenBatch(), rules))];
    expect(records.map(({ key }) => key)).toEqual(
      ['plc1', 'meter', 'line'].map((device) => `pump-station-1/${device}`),
    );
    for (const { key, value } of records) expect(`${value}`).toBe(`${golden(`samples-${key.split('/')[1]}.json`)}`);
  });

  test('tell the unit that held at the time of each sample', () => {
    const rules = [withUnits(unitFrom(always, 'bar'), unitFrom(2, 'kPa'))];
    const batch = manySamples([1, 2, 3, 4], [{ device: 'plc1', tag: 'a', type: 'float64' }]);
    const [record] = [...recordsOf(writtenOf(batch, rules))];
    expect(parse(record?.value ?? Buffer.of()).samples.map(({ unit }) => unit)).toEqual(['bar', 'bar', 'kPa', 'kPa']);
  });

  test('have what became rows only, each with its position in the batch as it was sent', () => {
    const batch = {
      ...manySamples(['p1', 'p3', 'p4', 'p6']),
      sent: 7,
      rejected: [0, 2, 5].map((position) => ({ position, code: 'sample/malformed' as const, reason: 'test' })),
    };
    const records = [...recordsOf(writtenOf(batch, [], [{ row: 2, reason: 'test' }]))];
    expect(records.flatMap(({ value }) => parse(value).samples.map(({ text, position }) => [text, position]))).toEqual([
      ['p1', 1],
      ['p3', 3],
      ['p6', 6],
    ]);
    const written = writtenOf(manySamples(['p3', 'p6']));
    const some = { ...written, batches: written.batches.map((each) => ({ ...each, positions: [3, 6] })) };
    expect([...recordsOf(some)].flatMap(({ value }) => parse(value).samples.map(({ position }) => position))).toEqual([
      3, 6,
    ]);
    const none = [
      ...recordsOf(
        writtenOf(
          batch,
          [],
          [0, 1, 2, 3].map((row) => ({ row, reason: 'test' })),
        ),
      ),
    ];
    expect(none).toEqual([]);
  });

  test('are cut so that Kafka takes each, in order and always in the same places', () => {
    const texts = Array.from({ length: 40 }, (_, n) => `${n}-${'ü'.repeat(10_000 + n)}`);
    const records = [...recordsOf(writtenOf(manySamples(texts)))];
    expect(records.length).toBeGreaterThan(1);
    expect(Math.max(...records.map(({ value }) => value.length))).toBeLessThan(500_000);
    expect(records.flatMap(({ value }) => parse(value).samples.map(({ text }) => text))).toEqual(texts);
    expect([...recordsOf(writtenOf(manySamples(texts)))]).toEqual(records);
  });

  test('leave a text that is too long for a record to the database, and say so', () => {
    const records = [...recordsOf(writtenOf(manySamples(['short', '\u0001'.repeat(100_000)])))];
    expect(records.flatMap(({ value }) => parse(value).samples)).toMatchObject([
      { text: 'short' },
      { omitted: true, value: null },
    ]);
  });
});
