/** What the registry asks of the rows of a series, made ready for a loop over millions of them. */
import { type Micros, qualityClass, qualityCode, type ValueType } from '@fieldline/shared/contracts';
import { type Period, periodAt, periodsOf } from './periods.ts';
import type { Rows } from './rows.ts';

/** From `from` until before `to`. */
export type Rule = {
  readonly from: Micros;
  readonly to: Micros;
  readonly unit: string | null;
  readonly scale: number;
  readonly offset: number;
  /** Infinite where there is no limit. */
  readonly low: number;
  readonly high: number;
};

export type Rules = {
  readonly periods: readonly [Rule, ...Rule[]];
  /** Whether any of them can change a row. */
  readonly active: boolean;
};

const implausible = qualityCode('uncertain/implausible');
const notScaled = qualityCode('bad/scale');
/** Limits are round figures; a float32 that sits on one may be off by a rounding, as may a value that was scaled. */
const rounding = 2 ** -23;

const isNumber = (type: ValueType): boolean => type !== 'bool' && type !== 'string';

/** Scale and limits go with numbers only. */
export function rulesOf(periods: readonly [Period, ...Period[]], type: ValueType): Rules {
  const number = isNumber(type);
  const all = mapPeriods(periods, ({ from, to, fields }): Rule => {
    const { unit, scale, offset, minimum, maximum } = fields;
    return {
      from,
      to,
      unit,
      scale: number ? scale : 1,
      offset: number ? offset : 0,
      low: minimum === null || !number ? Number.NEGATIVE_INFINITY : minimum - Math.abs(minimum) * rounding,
      high: maximum === null || !number ? Number.POSITIVE_INFINITY : maximum + Math.abs(maximum) * rounding,
    };
  });
  return { periods: all, active: all.some(changesRows) };
}

const mapPeriods = <From, To>([first, ...more]: readonly [From, ...From[]], to: (from: From) => To): [To, ...To[]] => [
  to(first),
  ...more.map(to),
];

const isScaled = ({ scale, offset }: Rule): boolean => scale !== 1 || offset !== 0;
const changesRows = (rule: Rule): boolean =>
  isScaled(rule) || rule.low !== Number.NEGATIVE_INFINITY || rule.high !== Number.POSITIVE_INFINITY;

/**
 * The rows as they are stored, each by the rule that holds at its time; value and quality are changed in place. Integers
 * keep all their bits where nothing is scaled. A quality that says more than "good" stays.
 */
export function applyRules(rows: Rows, rulesOfSeries: (seriesId: number) => Rules): Rows {
  const rules = rows.seriesIds.map((seriesId) => {
    const found = rulesOfSeries(seriesId);
    return found.active ? found.periods : null;
  });
  if (rules.every((each) => each === null)) return rows;
  const current = rules.map((each) => each?.at(-1) ?? null);
  /** Rows whose text was the exact integer that a scale has made another number. */
  const inexact = new Set<number>();
  const { count, time, value, quality, slot } = rows;
  for (let row = 0; row < count; row++) {
    const place = slot[row] as number;
    let rule = current[place] as Rule | null;
    const received = value[row] as number;
    // NaN: no value, or text.
    if (rule === null || Number.isNaN(received)) continue;
    const at = time[row] as Micros;
    if (at < rule.from || at >= rule.to) {
      rule = periodAt(rules[place] as readonly Rule[], at);
      current[place] = rule;
    }
    let stored = received;
    if (isScaled(rule)) {
      stored = received * rule.scale + rule.offset;
      if (rows.text.has(row)) inexact.add(row);
      value[row] = stored;
      if (!Number.isFinite(stored)) {
        value[row] = Number.NaN;
        quality[row] = notScaled;
        continue;
      }
    }
    const isWithin = stored >= rule.low && stored <= rule.high;
    if (!isWithin && qualityClass(quality[row] as number) === 'good') quality[row] = implausible;
  }
  return inexact.size === 0 ? rows : { ...rows, text: new Map([...rows.text].filter(([row]) => !inexact.has(row))) };
}

/** Of a series of which nothing is stated. */
export const noRules: Rules = rulesOf(periodsOf([]), 'float64');
