// @ts-check
/**
 * From an answer of the history route, and what came live since, to what the chart draws. Pure.
 *
 * A value holds until the next sample of its tag, because what did not change is not sent; but only while its agent ran. Over
 * a silence, in which nothing was stored, the line breaks: nobody knows what the value was.
 */

/** @typedef {import('../src/api/history/schemas.ts').History} History */
/** @typedef {import('../src/api/value.ts').JsonValue} JsonValue */
/** @typedef {import('./plot.js').Curve} Curve */

/** @param {JsonValue} value */
export const numberOf = (value) =>
  typeof value === 'boolean'
    ? Number(value)
    : value === null || value === '' || Number.isNaN(Number(value))
      ? null
      : Number(value);

/** Far more than a chart spans, and few enough digits that a float has them all: 12. */
const baseStep = 1_000_000_000_000n;

/** Integers that a float cannot hold come as text: they are drawn by what they are above this. @param {readonly JsonValue[]} values */
export function baseOf(values) {
  const long = values.find((value) => typeof value === 'string' && /^-?\d+$/.test(value));
  return long === undefined ? 0n : (BigInt(String(long)) / baseStep) * baseStep;
}

/** @param {JsonValue} value @param {bigint} base */
const above = (value, base) =>
  base === 0n || value === null || !/^-?\d+$/.test(String(value))
    ? numberOf(value)
    : Number(BigInt(String(value)) - base);

/**
 * Samples hold until the next one: the first from what came before the range, the last until now.
 * @param {History & {form: 'samples'}} history
 * @param {number} fromS
 * @param {number} nowS
 * @returns {Curve}
 */
export function curveOfSamples({ before, timeUs, value, silences }, fromS, nowS) {
  const base = baseOf([before?.value ?? null, ...value]);
  const known = timeUs.map((us, index) => ({ atS: us / 1e6, value: above(value[index] ?? null, base) }));
  if (before !== null && before.timeUs / 1e6 < (known[0]?.atS ?? nowS))
    known.unshift({ atS: before.timeUs / 1e6, value: above(before.value, base) });
  /** @type {number[]} */
  const time = [];
  /** @type {(number | null)[]} */
  const values = [];
  /** @type {[number, number][]} */
  const bad = [];
  for (const [index, { atS, value: held }] of known.entries()) {
    const nextS = known[index + 1]?.atS ?? Math.max(nowS, atS);
    const silentS = silentFrom(silences, atS, nextS);
    const untilS = silentS ?? nextS;
    if (untilS < fromS) continue;
    const sinceS = Math.max(atS, fromS);
    time.push(sinceS);
    values.push(held);
    if (held === null) addSpan(bad, sinceS, untilS);
    if (untilS > sinceS && (silentS !== null || index === known.length - 1)) {
      time.push(untilS);
      values.push(held);
    }
    if (silentS !== null) {
      time.push((untilS + nextS) / 2);
      values.push(null);
    }
  }
  return { time, value: values, least: null, greatest: null, bad, base };
}

/** When the first silence between two samples begins; null where there is none. @param {readonly [number, number][]} silences @param {number} fromS @param {number} toS */
function silentFrom(silences, fromS, toS) {
  const silence = silences.find(([from, to]) => Math.min(to / 1e6, toS) > Math.max(from / 1e6, fromS));
  return silence === undefined ? null : Math.max(silence[0] / 1e6, fromS);
}

/**
 * A point stands in the middle of its span. Points between which spans are empty are joined, unless nothing was stored then.
 * @param {History & {form: 'summaries'}} history
 * @returns {Curve}
 */
export function curveOfSummaries({ timeUs, mean, min, max, pointMs, silences }) {
  const pointS = pointMs / 1_000;
  /** @type {Curve & {least: (number | null)[], greatest: (number | null)[]}} */
  const curve = { time: [], value: [], least: [], greatest: [], bad: [], base: 0n };
  /** @param {number} atS @param {number | null} value @param {number | null} least @param {number | null} greatest */
  const push = (atS, value, least, greatest) => {
    curve.time.push(atS);
    curve.value.push(value);
    curve.least.push(least);
    curve.greatest.push(greatest);
  };
  for (const [index, us] of timeUs.entries()) {
    const [fromS, toS] = [us / 1e6, us / 1e6 + pointS];
    push(fromS + pointS / 2, mean[index] ?? null, min[index] ?? null, max[index] ?? null);
    if (mean[index] === null) addSpan(curve.bad, fromS, toS);
    const nextS = (timeUs[index + 1] ?? us) / 1e6;
    if (nextS > toS && silentFrom(silences, toS, nextS) !== null) push((toS + nextS) / 2, null, null, null);
  }
  return curve;
}

/** Neighbours become one, so that no seam is seen between them. @param {[number, number][]} spans @param {number} from @param {number} to */
function addSpan(spans, from, to) {
  const last = spans.at(-1);
  if (last !== undefined && last[1] >= from) last[1] = to;
  else spans.push([from, to]);
}

/**
 * The range that is drawn: what was asked for, but where the tag is younger than that, from its first sample on; a fifth of
 * it at the least, so that the axis does not race.
 * @param {Pick<Curve, 'time'>} curve
 * @param {number} fromS
 * @param {number} toS
 * @returns {[number, number]}
 */
export function shownRange({ time }, fromS, toS) {
  const first = time[0] ?? fromS;
  return [Math.max(fromS, Math.min(first, toS - (toS - fromS) / 5)), toS];
}
