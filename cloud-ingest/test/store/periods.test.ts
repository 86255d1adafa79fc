import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { differingSpan, fieldNames, periodAt, periodsOf, unstated, type Version } from '../../src/store/periods.ts';

const always = Number.NEGATIVE_INFINITY;
const birth = (validFrom: number, stated: Version['stated']): Version => ({
  validFrom,
  origin: 'birth',
  stated: { unit: null, description: null, minimum: null, maximum: null, ...stated },
  released: [],
});
const edit = (validFrom: number, stated: Version['stated'], released: Version['released'] = []): Version => ({
  validFrom,
  origin: 'operator',
  stated,
  released,
});

/** What holds at an instant, told field by field and without periods. */
function fieldAt(versions: readonly Version[], time: number, field: (typeof fieldNames)[number]) {
  const past = versions.filter(({ validFrom }) => validFrom <= time);
  const newest = (those: readonly Version[]): Version | undefined =>
    those.reduce<Version | undefined>(
      (best, one) => (best === undefined || one.validFrom >= best.validFrom ? one : best),
      undefined,
    );
  const edited = newest(
    past.filter((one) => one.origin === 'operator' && (field in one.stated || one.released.includes(field))),
  );
  if (edited !== undefined && field in edited.stated) return edited.stated[field];
  const born = newest(past.filter(({ origin }) => origin === 'birth'));
  return born?.stated[field] ?? unstated[field];
}

describe('what holds for a series', () => {
  test('is nothing special as long as nothing is stated', () => {
    expect(periodsOf([])).toEqual([{ from: always, to: Number.POSITIVE_INFINITY, fields: unstated }]);
  });

  test('changes at the instant from which a version holds', () => {
    const periods = periodsOf([
      birth(always, { unit: 'bar', maximum: 10 }),
      edit(100, { scale: 0.1 }),
      birth(200, { unit: 'kPa' }),
    ]);
    expect(
      periods.map(({ from, to, fields: { unit, maximum, scale } }) => ({ from, to, unit, maximum, scale })),
    ).toEqual([
      { from: always, to: 100, unit: 'bar', maximum: 10, scale: 1 },
      { from: 100, to: 200, unit: 'bar', maximum: 10, scale: 0.1 },
      { from: 200, to: Number.POSITIVE_INFINITY, unit: 'kPa', maximum: null, scale: 0.1 },
    ]);
    expect(periodAt(periods, 99).fields.scale).toBe(1);
    expect(periodAt(periods, 100).fields.scale).toBe(0.1);
  });

  test('is what the operator said, whatever births say later, until he releases it', () => {
    const versions = [
      birth(always, { unit: 'bar' }),
      edit(10, { unit: 'mbar' }),
      birth(20, { unit: 'kPa' }),
      edit(30, {}, ['unit']),
    ];
    expect(periodsOf(versions).map(({ fields }) => fields.unit)).toEqual(['bar', 'mbar', 'kPa']);
  });

  test('can be that there is none, against what the birth says', () => {
    expect(periodsOf([birth(always, { maximum: 5 }), edit(10, { maximum: null })]).at(-1)?.fields.maximum).toBeNull();
  });

  test('of two statements for one instant, the one that was made last counts', () => {
    const periods = periodsOf([edit(10, { scale: 2 }), edit(10, { scale: 1 })]);
    expect(periods).toEqual(periodsOf([]));
  });

  const at = fc.integer({ min: 0, max: 6 });
  const field = {
    unit: fc.constantFrom(null, 'bar', 'kPa'),
    scale: fc.constantFrom(1, 2),
    minimum: fc.constantFrom(null, 0, 1),
  };
  const version: fc.Arbitrary<Version> = fc.oneof(
    fc
      .tuple(fc.oneof(at, fc.constant(always)), fc.record({ unit: field.unit, minimum: field.minimum }))
      .map(([from, stated]) => birth(from, stated)),
    fc.tuple(at, fc.record(field, { requiredKeys: [] }), fc.subarray([...fieldNames])).map(([from, stated, released]) =>
      edit(
        from,
        stated,
        released.filter((name) => !(name in stated)),
      ),
    ),
  );

  test('covers all time without overlap, and is field by field what the newest statement says', () => {
    fc.assert(
      fc.property(fc.array(version, { maxLength: 12 }), (versions) => {
        const periods = periodsOf(versions);
        expect(periods[0].from).toBe(always);
        expect(periods.at(-1)?.to).toBe(Number.POSITIVE_INFINITY);
        for (const [n, period] of periods.entries()) {
          expect(period.from).toBeLessThan(period.to);
          if (n > 0) expect(period.from).toBe(periods[n - 1]?.to);
          if (n > 0) expect(period.fields).not.toEqual(periods[n - 1]?.fields);
        }
        for (let time = -1; time <= 7; time++)
          for (const name of fieldNames)
            expect(periodAt(periods, time).fields[name], `${name} at ${time}`).toEqual(fieldAt(versions, time, name));
      }),
    );
  });

  test('differs between two histories in the span from the first difference to the last', () => {
    const [before, after] = [
      periodsOf([edit(50, { scale: 3 })]),
      periodsOf([edit(50, { scale: 3 }), edit(10, { scale: 2, unit: 'm' })]),
    ];
    expect(differingSpan(before, after, ['scale'])).toEqual({ from: 10, to: 50 });
    expect(differingSpan(before, after, ['unit'])).toEqual({ from: 10, to: Number.POSITIVE_INFINITY });
    expect(differingSpan(before, after, ['minimum'])).toBeNull();
  });
});
