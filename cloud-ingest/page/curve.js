// @ts-check
/** From an answer of the history route, and what came live since, to what the chart draws. Pure. */

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

/**
 * Samples hold until the next one: the first from what came before the range, the last until now.
 * @param {History & {form: 'samples'}} history
 * @param {number} fromS
 * @param {number} nowS
 * @returns {Curve}
 */
export function curveOfSamples({ before, timeUs, value }, fromS, nowS) {
  const time = timeUs.map((us) => us / 1e6);
  const values = value.map(numberOf);
  if (before !== null && before.timeUs / 1e6 < (time[0] ?? nowS)) {
    time.unshift(fromS);
    values.unshift(numberOf(before.value));
  }
  const last = time.at(-1);
  if (last !== undefined && last < nowS) {
    time.push(nowS);
    values.push(values.at(-1) ?? null);
  }
  return { time, value: values, least: null, greatest: null };
}

/** A point stands in the middle of its span. @param {History & {form: 'summaries'}} history @returns {Curve} */
export const curveOfSummaries = ({ timeUs, mean, min, max, pointMs }) => ({
  time: timeUs.map((us) => us / 1e6 + pointMs / 2_000),
  value: mean,
  least: min,
  greatest: max,
});

/**
 * The range that is drawn: what was asked for, but where the tag is younger than that, from its first sample on; a fifth of
 * it at the least, so that the axis does not race.
 * @param {Curve} curve
 * @param {number} fromS
 * @param {number} toS
 * @returns {[number, number]}
 */
export function shownRange({ time }, fromS, toS) {
  const first = time[0] ?? fromS;
  return [Math.max(fromS, Math.min(first, toS - (toS - fromS) / 5)), toS];
}
