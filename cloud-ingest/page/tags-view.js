// @ts-check
/** Devices and their tags, with values in place: a row is made once and only what changed in it is written. */
import { keep, make, setAttribute, setText } from './dom.js';
import { counted, formatAge, formatTime, formatValue } from './format.js';

/** @typedef {import('../src/api/tags.ts').Tag} Tag */
/** @typedef {import('../src/api/latest.ts').Latest} Latest */
/** @typedef {{node: HTMLTableRowElement, value: HTMLElement, unit: HTMLElement, track: HTMLElement, quality: HTMLElement, word: HTMLElement, age: HTMLElement, select: HTMLButtonElement, timeMs: number, tag: Tag}} Row */
/** @typedef {{node: HTMLTableSectionElement, rows: Map<string, Row>, summary: HTMLElement}} Group */
/** @typedef {{device: string, gateway: string, tags: Tag[]}} DeviceTags */

const staleMs = 60_000;
const marks = { good: '●', uncertain: '▲', bad: '✕' };

/**
 * @param {HTMLTableElement} table
 * @param {{latest: ReadonlyMap<number, Latest>, meaningOf: (code: number) => string, onSelect: (tag: Tag) => void}} parts
 */
export function createTagsView(table, { latest, meaningOf, onSelect }) {
  /** @type {Map<string, Group>} */
  const groups = new Map();
  /** @type {Map<number, Row>} */
  const rowBySeries = new Map();
  let selected = -1;

  /** @param {Row} row */
  const show = (row) => {
    const now = latest.get(row.tag.seriesId);
    if (now === undefined) return;
    const { value, type, quality } = now;
    setText(row.value, formatValue(value, type));
    setAttribute(row.value, 'title', value === null ? 'no value' : String(value));
    setAttribute(row.quality, 'class', `quality ${quality.class}`);
    setText(row.quality.firstElementChild ?? row.quality, marks[quality.class]);
    setText(row.word, quality.name.replace('/', ' · '));
    setAttribute(row.quality, 'title', meaningOf(quality.code));
    setAttribute(row.node, 'data-quality', quality.class);
    const timeMs = Date.parse(now.time);
    if (timeMs !== row.timeMs) setAttribute(row.age, 'title', `${formatTime(now.time)} · batch ${now.batch.seq}`);
    row.timeMs = timeMs;
    const { minimum, maximum } = row.tag;
    if (minimum === null || maximum === null || typeof value !== 'number') return;
    const share = Math.min(1, Math.max(0, (value - minimum) / (maximum - minimum || 1)));
    row.track.style.setProperty('--share', share.toFixed(3));
    setAttribute(row.track, 'data-outside', String(value < minimum || value > maximum));
  };

  /** @param {Tag} tag @returns {Row} */
  const makeRow = (tag) => {
    const select = make('button', { type: 'button', class: 'tag-name', title: tag.description ?? '' }, tag.tag);
    select.addEventListener('click', () => onSelect(tag));
    const value = make('span', { class: 'value', 'data-testid': 'value' }, '–');
    const unit = make('span', { class: 'unit' }, tag.unit ?? '');
    const hasRange = tag.minimum !== null && tag.maximum !== null;
    const track = make('div', {
      class: 'track',
      title: hasRange ? `${tag.minimum} … ${tag.maximum} ${tag.unit ?? ''}` : '',
    });
    const word = make('span', { class: 'word', 'data-testid': 'quality' });
    const quality = make('span', { class: 'quality' }, make('span', { class: 'mark', 'aria-hidden': 'true' }), word);
    const age = make('td', { class: 'number age', 'data-testid': 'age' });
    const node = make(
      'tr',
      { 'data-testid': `tag-${tag.gateway}/${tag.device}/${tag.tag}`, 'data-series': String(tag.seriesId) },
      make(
        'th',
        { scope: 'row' },
        select,
        ...(tag.described ? [] : [make('span', { class: 'unannounced' }, 'not announced')]),
      ),
      make('td', { class: 'number' }, value, ' ', unit),
      make('td', { class: 'range' }, ...(hasRange ? [track] : [])),
      make('td', {}, quality),
      age,
    );
    const row = { node, value, unit, track, quality, word, age, select, timeMs: 0, tag };
    rowBySeries.set(tag.seriesId, row);
    show(row);
    return row;
  };

  /** @param {DeviceTags} item @returns {Group} */
  const makeGroup = ({ gateway, device }) => {
    const summary = make('span', { class: 'summary' });
    const heading = make(
      'th',
      { scope: 'rowgroup', colspan: '5' },
      make('span', { class: 'device' }, device),
      make('span', { class: 'of-gateway' }, gateway),
      summary,
    );
    const node = make(
      'tbody',
      { 'data-testid': `device-${gateway}/${device}` },
      make('tr', { class: 'group' }, heading),
    );
    return { node, rows: new Map(), summary };
  };

  return {
    /** @param {readonly Tag[]} tags those to show, in order */
    setTags: (tags) => {
      /** @type {Map<string, DeviceTags>} */
      const devices = new Map();
      for (const tag of tags) {
        const key = `${tag.gateway}/${tag.device}`;
        const device = devices.get(key) ?? { gateway: tag.gateway, device: tag.device, tags: [] };
        device.tags.push(tag);
        devices.set(key, device);
      }
      rowBySeries.clear();
      keep(table, groups, [...devices.values()], {
        after: table.tHead,
        key: ({ gateway, device }) => `${gateway}/${device}`,
        make: makeGroup,
        update: (group, device) => keepRows(group, device.tags),
      });
    },
    /** @param {Iterable<number>} seriesIds */
    showLatest: (seriesIds) => {
      for (const id of seriesIds) {
        const row = rowBySeries.get(id);
        if (row !== undefined) show(row);
      }
    },
    /** Ages count up. @param {number} nowMs by the clock of the API @param {ReadonlySet<string>} offline gateways */
    showAges: (nowMs, offline) => {
      for (const row of rowBySeries.values()) {
        if (row.timeMs === 0) continue;
        const ageMs = nowMs - row.timeMs;
        setText(row.age, formatAge(ageMs));
        setAttribute(row.age, 'data-stale', String(ageMs > staleMs));
      }
      for (const [key, group] of groups) summarise(group, latest, offline.has(key.split('/')[0] ?? ''));
    },
    /** @param {number} seriesId */
    select: (seriesId) => {
      rowBySeries.get(selected)?.select.removeAttribute('aria-current');
      selected = seriesId;
      rowBySeries.get(selected)?.select.setAttribute('aria-current', 'true');
    },
  };

  /** @param {Group} group @param {readonly Tag[]} tags */
  function keepRows(group, tags) {
    keep(group.node, group.rows, tags, {
      after: group.node.firstElementChild,
      key: ({ tag }) => tag,
      make: makeRow,
      update: (row, tag) => {
        row.tag = tag;
        rowBySeries.set(tag.seriesId, row);
        if (tag.seriesId === selected) row.select.setAttribute('aria-current', 'true');
      },
    });
  }
}

/** @param {Group} group @param {ReadonlyMap<number, Latest>} latest @param {boolean} isOffline */
function summarise({ node, rows, summary }, latest, isOffline) {
  let bad = 0;
  for (const { tag } of rows.values()) if (latest.get(tag.seriesId)?.quality.class === 'bad') bad += 1;
  const tags = bad === 0 ? counted(rows.size, 'tag') : `${bad} of ${counted(rows.size, 'tag')} bad`;
  setText(summary, isOffline ? `gateway offline: last known values · ${tags}` : tags);
  setAttribute(summary, 'data-bad', String(bad > 0 || isOffline));
  setAttribute(node, 'data-offline', String(isOffline));
}

/** @param {readonly Tag[]} tags @param {string} text @param {boolean} onlyBad @param {ReadonlyMap<number, Latest>} latest */
export function filterTags(tags, text, onlyBad, latest) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return tags.filter((tag) => {
    if (onlyBad && (latest.get(tag.seriesId)?.quality.class ?? 'good') === 'good') return false;
    const names = `${tag.gateway}/${tag.device}/${tag.tag} ${tag.description ?? ''}`.toLowerCase();
    return words.every((word) => names.includes(word));
  });
}
