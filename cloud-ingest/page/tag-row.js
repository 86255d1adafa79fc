// @ts-check
/** One tag: made once, and then only what changed in it is written. */
import { make, setAttribute, setText } from './dom.js';
import { formatAge, formatTime, formatValue } from './format.js';

/** @typedef {import('../src/api/tags.ts').Tag} Tag */
/** @typedef {import('../src/api/latest.ts').Latest} Latest */
/** @typedef {ReturnType<typeof makeRow>} Row */

const staleMs = 60_000;
const marks = { good: '●', uncertain: '▲', bad: '✕' };

/** @param {Tag} tag @param {() => void} onSelect */
export function makeRow(tag, onSelect) {
  const select = make(
    'button',
    { type: 'button', class: 'tag-name', title: tag.description ?? '' },
    ...breakable(tag.tag),
  );
  const value = make('span', { class: 'value', 'data-testid': 'value' }, '–');
  const hasRange = tag.minimum !== null && tag.maximum !== null;
  const limits = hasRange ? `${tag.minimum} … ${tag.maximum} ${tag.unit ?? ''}` : '';
  const track = make('div', { class: 'track', title: limits });
  const mark = make('span', { class: 'mark', 'aria-hidden': 'true' });
  const word = make('span', { class: 'word', 'data-testid': 'quality' });
  const quality = make('span', { class: 'quality' }, mark, word);
  const age = make('td', { class: 'number age', 'data-testid': 'age' });
  const unannounced = tag.described ? [] : [make('span', { class: 'unannounced' }, 'not announced')];
  const node = make(
    'tr',
    { 'data-testid': `tag-${tag.gateway}/${tag.device}/${tag.tag}`, 'data-series': String(tag.seriesId) },
    make('th', { scope: 'row' }, select, ...unannounced),
    make('td', { class: 'number' }, value, ' ', make('span', { class: 'unit' }, tag.unit ?? '')),
    make('td', { class: 'range' }, ...(hasRange ? [track] : [])),
    make('td', {}, quality),
    age,
  );
  // The whole row answers the pointer; the keyboard reaches it through the button, whose click comes up here too.
  node.addEventListener('click', onSelect);
  return { node, value, track, mark, word, quality, age, select, timeMs: 0, tag };
}

/** A long name breaks after its separators. @param {string} name @returns {(string | HTMLElement)[]} */
const breakable = (name) =>
  name.split(/(?<=[._:-])/).flatMap((part, index) => (index === 0 ? [part] : [make('wbr'), part]));

/** @param {Row} row @param {Latest} latest @param {string} meaning of its quality */
export function showLatest(row, { value, type, quality, time, batch }, meaning) {
  setText(row.value, formatValue(value, type));
  setAttribute(row.value, 'title', value === null ? 'no value' : String(value));
  setAttribute(row.quality, 'class', `quality ${quality.class}`);
  setAttribute(row.quality, 'title', meaning);
  setText(row.mark, marks[quality.class]);
  setText(row.word, quality.name.replace('/', ' · '));
  setAttribute(row.node, 'data-quality', quality.class);
  const timeMs = Date.parse(time);
  if (timeMs !== row.timeMs) setAttribute(row.age, 'title', `${formatTime(time)} · batch ${batch.seq}`);
  row.timeMs = timeMs;
  const { minimum, maximum } = row.tag;
  if (minimum === null || maximum === null || typeof value !== 'number') return;
  const share = Math.min(1, Math.max(0, (value - minimum) / (maximum - minimum || 1)));
  row.track.style.setProperty('--share', share.toFixed(3));
  setAttribute(row.track, 'data-outside', String(value < minimum || value > maximum));
}

/** @param {Row} row @param {number} nowMs */
export function showAge(row, nowMs) {
  if (row.timeMs === 0) return;
  const ageMs = nowMs - row.timeMs;
  setText(row.age, formatAge(ageMs));
  setAttribute(row.age, 'data-stale', String(ageMs > staleMs));
}

/** @param {Row | undefined} row @param {boolean} isCurrent whose chart is shown */
export function showCurrent(row, isCurrent) {
  if (row === undefined) return;
  setAttribute(row.node, 'data-current', String(isCurrent));
  setAttribute(row.select, 'aria-current', String(isCurrent));
}
