// @ts-check
/**
 * Labels of a value axis: short, and neighbours always differ. A large value with small steps keeps its digits by an offset
 * that stands once above the axis: of 9 223 372 036 854 775 800 and its neighbours, 800, 850 and 900. Pure.
 */

/** @typedef {{offset: string, labels: string[]}} AxisLabels `offset`: what is to be added to each; mostly nothing. */

const maxCharacters = 9;
/** @type {[number, string][]} */
const units = [
  [1e18, '\u2009E'],
  [1e15, '\u2009P'],
  [1e12, '\u2009T'],
  [1e9, '\u2009G'],
  [1e6, '\u2009M'],
  [1, ''],
];

/**
 * @param {readonly number[]} splits where labels stand, `step` apart
 * @param {number} step
 * @param {bigint} [base] added to each split: integers beyond 2^53 are drawn by what they are above it
 * @returns {AxisLabels}
 */
export function axisLabels(splits, step, base = 0n) {
  if (splits.length === 0) return { offset: '', labels: [] };
  if (base === 0n) {
    const labels = shortLabels(splits, step);
    if (labels.every(({ length }) => length <= maxCharacters)) return { offset: '', labels };
  }
  const [least, most] = [Math.min(...splits), Math.max(...splits)];
  // Ten times the span: the offset stays while the axis moves on, and what is left is short.
  const round = 10n ** BigInt(Math.max(0, Math.ceil(Math.log10(most - least || step)) + 1));
  const offset = floorTo(base + BigInt(Math.floor(least)), round);
  const above = Number(base - offset);
  return {
    offset: grouped(offset),
    labels: shortLabels(
      splits.map((split) => above + split),
      step,
    ),
  };
}

/** A whole number with thin spaces. @param {bigint} value */
export const grouped = (value) => value.toString().replace(/\B(?=(\d{3})+$)/g, '\u2009');

/** @param {bigint} value @param {bigint} round */
const floorTo = (value, round) => {
  const rest = value % round;
  return value - (rest < 0n ? rest + round : rest);
};

/** @param {readonly number[]} splits @param {number} step */
function shortLabels(splits, step) {
  const top = Math.max(...splits.map(Math.abs));
  if (top > 0 && top < 1e-4)
    return splits.map((split) => split.toExponential(digitsOf(step / 10 ** Math.floor(Math.log10(top)))));
  const [size, name] = units.find(([least]) => top >= least) ?? [1, ''];
  return splits.map((split) => (split === 0 ? '0' : `${(split / size).toFixed(digitsOf(step / size))}${name}`));
}

/** Behind the point, so that two that are a step apart differ. @param {number} step */
const digitsOf = (step) => Math.min(20, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
