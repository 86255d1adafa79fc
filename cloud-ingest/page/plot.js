// @ts-check
/** The chart itself: the one place that knows uPlot. A gap in the line is a time of bad quality, and shaded. */
import uPlot from '/vendor/uplot/uPlot.esm.js';
import { formatNumber } from './format.js';

/**
 * What there is to draw: seconds since 1970, and a value, its least and its greatest; null where the quality is bad.
 * @typedef {{time: number[], value: (number | null)[], least: (number | null)[] | null, greatest: (number | null)[] | null}} Curve
 * @typedef {{stepped: boolean, isBool: boolean, hasFraction: boolean, unit: string}} Look
 */

const padding = 0.08;

/** @param {HTMLElement} parent @param {Look} look */
export function createPlot(parent, look) {
  /** @type {[number, number]} */
  let shown = [0, 1];
  const style = getComputedStyle(parent);
  /** @param {string} name */
  const colour = (name) => style.getPropertyValue(name).trim();
  const paths = look.stepped && uPlot.paths.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined;
  const line = { stroke: colour('--accent'), width: 2, points: { show: false }, ...(paths ? { paths } : {}) };
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1, size: 4 },
    font: '12px system-ui, sans-serif',
  };
  /** @param {number} value */
  const label = (value) =>
    look.isBool ? (value === 1 ? 'on' : value === 0 ? 'off' : '') : formatNumber(value, look.hasFraction);
  const edge = { stroke: 'transparent', width: 0, points: { show: false } };
  /** @type {uPlot.Options} */
  const options = {
    width: parent.clientWidth,
    height: parent.clientHeight,
    pxAlign: 0,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 } },
    scales: {
      x: { time: true, range: () => shown },
      y: { range: (_plot, least, greatest) => (look.isBool ? [-0.15, 1.15] : spread(least, greatest)) },
    },
    series: [{}, edge, edge, line],
    bands: [{ series: [2, 1], fill: colour('--band') }],
    axes: [
      { ...axis, values: timeLabels, space: 64 },
      {
        ...axis,
        size: 58,
        values: (_plot, splits, _axis, _space, step) =>
          splits.map((split) => (look.isBool ? label(split) : stepLabel(split, step))),
        ...(look.isBool ? { splits: () => [0, 1] } : {}),
      },
    ],
    hooks: {
      drawClear: [(plot) => shadeGaps(plot, colour('--bad-soft'))],
      setCursor: [(plot) => showTip(plot, tip, label, look.unit)],
    },
  };
  const plot = new uPlot(options, [[], [], [], []], parent);
  const tip = document.createElement('div');
  tip.className = 'tip';
  plot.over.append(tip);
  const sizes = new ResizeObserver(() => plot.setSize({ width: parent.clientWidth, height: parent.clientHeight }));
  sizes.observe(parent);
  return {
    /** @param {Curve} curve @param {[number, number]} range seconds */
    draw: ({ time, value, least, greatest }, range) => {
      shown = range;
      const none = time.map(() => null);
      plot.setData([time, least ?? none, greatest ?? none, value]);
    },
    destroy: () => {
      sizes.disconnect();
      plot.destroy();
    },
  };
}

/** Room above and below; a constant value lies in the middle. @param {number | null} least @param {number | null} greatest @returns {[number, number]} */
function spread(least, greatest) {
  if (least === null || greatest === null) return [0, 1];
  const room = (greatest - least) * padding || Math.abs(greatest) * padding || 1;
  return [least - room, greatest + room];
}

/** As many digits as the steps of the axis need. @param {number} value @param {number} step */
const stepLabel = (value, step) =>
  Math.abs(value) >= 1e6 ? value.toExponential(2) : value.toFixed(Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));

/** @param {uPlot} _plot @param {number[]} splits @param {number} _axis @param {number} _space @param {number} stepS */
function timeLabels(_plot, splits, _axis, _space, stepS) {
  /** @type {Intl.DateTimeFormatOptions} */
  const form =
    stepS >= 86_400
      ? { day: 'numeric', month: 'short' }
      : { hour: '2-digit', minute: '2-digit', ...(stepS < 60 ? { second: '2-digit' } : {}), hour12: false };
  return splits.map((split) => new Date(split * 1_000).toLocaleString('en-GB', form));
}

/** @param {uPlot} plot @param {string} fill */
function shadeGaps(plot, fill) {
  const [time, , , value] = plot.data;
  if (value === undefined) return;
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = fill;
  for (let index = 0; index < value.length; index++) {
    if (value[index] !== null) continue;
    const from = index;
    while (index + 1 < value.length && value[index + 1] === null) index += 1;
    const left = plot.valToPos(time[from] ?? 0, 'x', true);
    const right = plot.valToPos(time[index + 1] ?? time[index] ?? 0, 'x', true);
    ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
  }
  ctx.restore();
}

/** @param {uPlot} plot @param {HTMLElement} tip @param {(value: number) => string} label @param {string} unit */
function showTip(plot, tip, label, unit) {
  const index = plot.cursor.idx;
  const at = index == null ? undefined : plot.data[0][index];
  tip.hidden = at === undefined || index == null;
  if (at === undefined || index == null) return;
  const value = plot.data[3]?.[index];
  const time = new Date(at * 1_000).toLocaleString('en-GB', { dateStyle: 'short', timeStyle: 'medium' });
  tip.textContent = `${value == null ? 'bad' : `${label(value)} ${unit}`} · ${time}`;
  const left = plot.valToPos(at, 'x');
  tip.style.setProperty('left', `${Math.min(left, plot.over.clientWidth - tip.offsetWidth)}px`);
}
