// @ts-check
/** Numbers, times and qualities as people read them. Pure. */

/** @typedef {import('../src/api/value.ts').JsonValue} JsonValue */

const thousands = new Intl.NumberFormat('en', { useGrouping: true, maximumFractionDigits: 1 });

/** Thin spaces between thousands: neither a decimal comma nor a point. @param {number} count */
export const formatCount = (count) => thousands.format(count).replaceAll(',', '\u2009');

/** For narrow places: from a hundred million on in millions. @param {number} count */
export const formatLargeCount = (count) =>
  Math.abs(count) < 1e8 ? formatCount(count) : `${formatCount(Math.round(count / 1e5) / 10)}\u2009M`;

/**
 * A value in about four digits; the exact one belongs into the tooltip.
 * @param {JsonValue} value
 * @param {string} type
 */
export function formatValue(value, type) {
  if (value === null) return '—';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'string') return type === 'string' ? value : group(value);
  return formatNumber(value, type.startsWith('float'));
}

/** @param {number} value @param {boolean} hasFraction */
export function formatNumber(value, hasFraction) {
  if (!hasFraction) return formatCount(value);
  const size = Math.abs(value);
  if (size >= 1e9 || (size < 1e-3 && size > 0)) return value.toExponential(3);
  const digits = size >= 1_000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
  return group(value.toFixed(digits));
}

/** @param {string} digits */
const group = (digits) => {
  const [whole = '', fraction] = digits.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, '\u2009');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
};

/** How long ago, in the unit that fits. @param {number} ageMs */
export function formatAge(ageMs) {
  const seconds = ageMs / 1_000;
  if (seconds < -1) return 'ahead';
  if (seconds < 1) return '< 1 s';
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** @param {string} time ISO 8601 */
export const formatTime = (time) =>
  new Date(time).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium', hour12: false });

/** @param {number} pointMs how much time a point stands for */
export function formatSpan(pointMs) {
  /** @type {[number, string][]} */
  const units = [
    [86_400_000, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1_000, 'second'],
  ];
  const [sizeMs, name] = units.find(([unitMs]) => pointMs >= unitMs) ?? [1, 'millisecond'];
  const count = Math.round((pointMs / sizeMs) * 10) / 10;
  return count === 1 ? `1 ${name}` : `${count} ${name}s`;
}

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${formatCount(count)} ${count === 1 ? one : many}`;

/** Losses that are in no count. @param {number} losses */
export const uncounted = (losses) => `${counted(losses, 'loss', 'losses')} declared without a count`;
