// @ts-check
/** The chart itself: the one place that knows uPlot. A gap in the line is a time of bad quality, shaded, or nothing was stored. */
import uPlot from '/vendor/uplot/uPlot.esm.js';
import { axisLabels, grouped } from './axis-labels.js';
import { formatNumber } from './format.js';

/**
 * What there is to draw: seconds since 1970, and a value, its least and its greatest, less `base`; null where there is none.
 * `bad`: the spans of bad quality.
 * @typedef {{time: number[], value: (number | null)[], least: (number | null)[] | null, greatest: (number | null)[] | null,
 *   bad: [number, number][], base: bigint}} Curve
 * @typedef {{stepped: boolean, isBool: boolean, hasFraction: boolean, unit: string}} Look
 */

const padding = 0.08;

/** @param {HTMLElement} parent @param {Look} look */
export function createPlot(parent, look) {
  /** @type {[number, number]} */
  let shown = [0, 1];
  /** @type {[number, number][]} */
  let bad = [];
  let base = 0n;
  const style = getComputedStyle(parent);
  /** @param {string} name */
  const colour = (name) => style.getPropertyValue(name).trim();
  const paths = look.stepped && uPlot.paths.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined;
  const line = {
    stroke: colour('--accent'),
    width: 2,
    points: { show: false, filter: alone, size: 4 },
    ...(paths ? { paths } : {}),
  };
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1, size: 4 },
    font: '12px system-ui, sans-serif',
  };
  /** @param {number} value */
  const label = (value) =>
    look.isBool
      ? value === 1
        ? 'on'
        : value === 0
          ? 'off'
          : ''
      : base === 0n
        ? formatNumber(value, look.hasFraction)
        : grouped(base + BigInt(Math.round(value)));
  const offsetNode = document.createElement('div');
  offsetNode.className = 'axis-offset';
  /** @param {uPlot} _plot @param {number[]} splits @param {number} _axis @param {number} _space @param {number} step */
  const valueLabels = (_plot, splits, _axis, _space, step) => {
    if (look.isBool) return splits.map(label);
    const { offset, labels } = axisLabels(splits, step, base);
    offsetNode.textContent = offset === '' ? '' : `${offset} +`;
    return labels;
  };
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
        size: widthOf,
        values: valueLabels,
        ...(look.isBool ? { splits: () => [0, 1] } : {}),
      },
    ],
    hooks: {
      drawClear: [(plot) => shade(plot, bad, colour('--bad-soft'))],
      setCursor: [(plot) => showTip(plot, tip, textAt)],
    },
  };
  /** @param {number} at @param {number | null} value */
  const textAt = (at, value) =>
    value !== null
      ? `${label(value)} ${look.unit}`
      : bad.some(([from, to]) => at >= from && at <= to)
        ? 'bad'
        : 'nothing stored';
  const plot = new uPlot(options, [[], [], [], []], parent);
  const tip = document.createElement('div');
  tip.className = 'tip';
  plot.over.append(tip, offsetNode);
  const sizes = new ResizeObserver(() => plot.setSize({ width: parent.clientWidth, height: parent.clientHeight }));
  sizes.observe(parent);
  return {
    /** @param {Curve} curve @param {[number, number]} range seconds */
    draw: (curve, range) => {
      const { time, value, least, greatest } = curve;
      shown = range;
      bad = curve.bad;
      base = curve.base;
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

/** Beside the labels: ticks, and room to breathe. */
const axisRoom = 16;
const leastAxisWidth = 40;

/** As wide as the widest label. uPlot asks again until it stays, at most three times. @param {uPlot} plot @param {string[] | null} labels @param {number} index @param {number} cycle */
function widthOf(plot, labels, index, cycle) {
  const axis = plot.axes[index];
  if (axis === undefined || cycle > 2) return widths.get(plot) ?? leastAxisWidth;
  const { ctx } = plot;
  ctx.save();
  // Resolved by uPlot to a list whose first entry is scaled to the canvas.
  ctx.font = String(Array.isArray(axis.font) ? axis.font[0] : axis.font);
  const widest = Math.max(0, ...(labels ?? []).map((label) => ctx.measureText(label).width)) / devicePixelRatio;
  ctx.restore();
  const width = Math.max(leastAxisWidth, Math.ceil(widest) + axisRoom);
  widths.set(plot, width);
  return width;
}
/** @type {WeakMap<uPlot, number>} */
const widths = new WeakMap();

/** Points without a neighbour are no line: without a dot nobody would see them. @param {uPlot} plot @param {number} series */
function alone(plot, series) {
  const value = plot.data[series] ?? [];
  /** @type {number[]} */
  const indexes = [];
  for (let index = 0; index < value.length; index++)
    if (value[index] != null && value[index - 1] == null && value[index + 1] == null) indexes.push(index);
  return indexes;
}

/** @param {uPlot} _plot @param {number[]} splits @param {number} _axis @param {number} _space @param {number} stepS */
function timeLabels(_plot, splits, _axis, _space, stepS) {
  /** @type {Intl.DateTimeFormatOptions} */
  const form =
    stepS >= 86_400
      ? { day: 'numeric', month: 'short' }
      : { hour: '2-digit', minute: '2-digit', ...(stepS < 60 ? { second: '2-digit' } : {}), hour12: false };
  return splits.map((split) => new Date(split * 1_000).toLocaleString('en-GB', form));
}

/** @param {uPlot} plot @param {readonly [number, number][]} spans @param {string} fill */
function shade({ ctx, bbox, valToPos }, spans, fill) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = fill;
  for (const [from, to] of spans) {
    const [left, right] = [valToPos(from, 'x', true), valToPos(to, 'x', true)];
    ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
  }
  ctx.restore();
}

/** @param {uPlot} plot @param {HTMLElement} tip @param {(at: number, value: number | null) => string} textAt */
function showTip(plot, tip, textAt) {
  const index = plot.cursor.idx;
  const at = index == null ? undefined : plot.data[0][index];
  tip.hidden = at === undefined || index == null;
  if (at === undefined || index == null) return;
  const time = new Date(at * 1_000).toLocaleString('en-GB', { dateStyle: 'short', timeStyle: 'medium' });
  tip.textContent = `${textAt(at, plot.data[3]?.[index] ?? null)} · ${time}`;
  const left = plot.valToPos(at, 'x');
  tip.style.setProperty('left', `${Math.min(left, plot.over.clientWidth - tip.offsetWidth)}px`);
}
