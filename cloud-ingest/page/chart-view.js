// @ts-check
/** The chart of one tag: asks for its history in the chosen range and goes on with live values. */
import { get } from './api.js';
import { curveOfSamples, curveOfSummaries, shownRange } from './curve.js';
import { byId, make, setAttribute, setText } from './dom.js';
import { counted, formatSpan, formatTime, formatValue } from './format.js';
import { createPlot } from './plot.js';

/** @typedef {import('../src/api/tags.ts').Tag} Tag */
/** @typedef {import('../src/api/latest.ts').Latest} Latest */
/** @typedef {import('../src/api/history/schemas.ts').History} History */

/** @type {{name: string, label: string, seconds: number}[]} */
export const ranges = [
  { name: '5m', label: '5 min', seconds: 300 },
  { name: '1h', label: '1 h', seconds: 3_600 },
  { name: '24h', label: '24 h', seconds: 86_400 },
  { name: '7d', label: '7 d', seconds: 604_800 },
];
const maxPoints = 1_200;
/** Summaries are asked for anew; samples when live values have made them too many, and to learn that the agent stopped. */
const askAgainMs = 5_000;
const askSamplesAgainMs = 30_000;

/** @param {{nowMs: () => number, onClose: () => void, onRange: (name: string) => void}} parts */
export function createChartView({ nowMs, onClose, onRange }) {
  const panel = byId('chart');
  const plotNode = byId('plot');
  /** @type {Tag | null} */
  let tag = null;
  let range = ranges[0];
  /** @type {History | null} */
  let history = null;
  /** @type {ReturnType<typeof createPlot> | null} */
  let plot = null;
  let asked = 0;
  let askedAtMs = 0;

  const buttons = ranges.map(({ name, label }) => {
    const button = make('button', { type: 'button', 'data-testid': `range-${name}` }, label);
    button.addEventListener('click', () => {
      onRange(name);
      setRange(name);
    });
    return button;
  });
  byId('chart-ranges').append(...buttons);
  byId('chart-close').addEventListener('click', () => onClose());

  const spanS = () => range?.seconds ?? 300;
  /** @returns {[number, number]} */
  const xRange = () => [nowMs() / 1_000 - spanS(), nowMs() / 1_000];

  const draw = () => {
    if (history === null || plot === null) return;
    const [fromS, nowS] = xRange();
    const curve = history.form === 'samples' ? curveOfSamples(history, fromS, nowS) : curveOfSummaries(history);
    plot.draw(curve, shownRange(curve, fromS, nowS));
  };

  const ask = async () => {
    if (tag === null) return;
    asked += 1;
    const turn = asked;
    askedAtMs = performance.now();
    const [fromS, toS] = xRange();
    try {
      /** @type {History} */
      const reply = await get('history', {
        seriesId: tag.seriesId,
        from: Math.round(fromS * 1e6),
        to: Math.round(toS * 1e6) + 1_000_000,
        maxPoints,
      });
      if (turn !== asked) return;
      const isNewForm = reply.form !== history?.form;
      history = reply;
      setText(byId('chart-note'), noteOf(reply));
      if (tag.type === 'string') showTexts(plotNode, reply);
      else if (isNewForm || plot === null) rebuild();
      draw();
    } catch (error) {
      if (turn === asked) setText(byId('chart-note'), error instanceof Error ? error.message : String(error));
    }
  };

  const rebuild = () => {
    plot?.destroy();
    plot = null;
    plotNode.replaceChildren();
    if (tag === null || tag.type === 'string' || history === null) return;
    const look = {
      stepped: history.form === 'samples' && !tag.type.startsWith('float'),
      isBool: tag.type === 'bool' && history.form === 'samples',
      hasFraction: tag.type.startsWith('float') || history.form === 'summaries',
      unit: tag.unit ?? '',
    };
    plot = createPlot(plotNode, look);
    draw();
  };

  /** @param {string} name */
  const setRange = (name) => {
    range = ranges.find((one) => one.name === name) ?? ranges[0];
    for (const [index, button] of buttons.entries())
      setAttribute(button, 'aria-pressed', String(ranges[index] === range));
    history = null;
    void ask();
  };

  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', rebuild);

  return {
    /** @param {Tag} next @param {string} rangeName */
    open: (next, rangeName) => {
      tag = next;
      panel.hidden = false;
      document.body.dataset.chart = 'open';
      setText(byId('chart-place'), `${tag.gateway} / ${tag.device}`);
      setText(byId('chart-title'), tag.tag);
      setText(byId('chart-description'), tag.description ?? '');
      history = null;
      rebuild();
      setRange(rangeName);
    },
    close: () => {
      tag = null;
      history = null;
      asked += 1;
      rebuild();
      panel.hidden = true;
      document.body.dataset.chart = 'closed';
    },
    /** @param {Latest} latest of the tag that is shown */
    append: (latest) => {
      setText(byId('chart-value'), `${formatValue(latest.value, latest.type)} ${latest.unit ?? ''}`);
      setAttribute(byId('chart-value'), 'data-quality', latest.quality.class);
      if (history?.form !== 'samples') return;
      const timeUs = Math.round(Date.parse(latest.time) * 1_000);
      if (timeUs <= (history.timeUs.at(-1) ?? 0)) return;
      history.timeUs.push(timeUs);
      history.value.push(latest.value);
      history.quality.push(latest.quality.code);
      if (tag?.type === 'string') showTexts(plotNode, history);
    },
    /** Once a second: time goes on, and what has become too old or too much is asked for anew. */
    tick: () => {
      if (tag === null) return;
      const tooMany = history?.form === 'samples' && history.timeUs.length > 2 * maxPoints;
      const waitMs = tooMany
        ? askAgainMs
        : history?.form === 'samples'
          ? askSamplesAgainMs
          : Math.max(askAgainMs, Math.min((history?.pointMs ?? 0) / 2, 60_000));
      if (performance.now() - askedAtMs > waitMs) void ask();
      else draw();
    },
    seriesId: () => tag?.seriesId ?? -1,
  };
}

const levelNames = {
  raw: 'raw samples',
  sample_1m: 'one-minute summaries',
  sample_1h: 'one-hour summaries',
  sample_1d: 'one-day summaries',
};

/** Which rows the chart was made from. @param {History} history */
export function noteOf(history) {
  if (history.form === 'samples') {
    const omitted = history.omitted > 0 ? `, ${counted(history.omitted, 'more is', 'more are')} not shown` : '';
    return `each of ${counted(history.timeUs.length, 'sample')}${omitted}`;
  }
  return `${counted(history.timeUs.length, 'point')} of ${formatSpan(history.pointMs)}: mean, minimum, maximum of ${counted(history.samples, 'sample')}, from ${levelNames[history.level]}`;
}

/** Text is not drawn but listed: when it changed, and to what. @param {Element} parent @param {History} history */
function showTexts(parent, history) {
  if (history.form !== 'samples') return;
  const { before, timeUs, value } = history;
  const rows = [
    ...(before === null ? [] : [{ us: before.timeUs, text: before.value }]),
    ...timeUs.map((us, index) => ({ us, text: value[index] ?? null })),
  ];
  const changes = rows.filter(({ text }, index) => index === 0 || text !== rows[index - 1]?.text).reverse();
  parent.replaceChildren(
    make(
      'ol',
      { class: 'texts' },
      ...changes.map(({ us, text }) =>
        make(
          'li',
          {},
          make('time', {}, formatTime(new Date(us / 1_000).toISOString())),
          make('strong', {}, text === null ? 'bad' : String(text)),
        ),
      ),
    ),
  );
}
