// @ts-check
/** Devices and their tags. What is in sight is written at once; what is out of sight follows every few seconds. */
import { keep, make, setAttribute, setText } from './dom.js';
import { counted } from './format.js';
import { makeRow, showAge, showCurrent, showLatest } from './tag-row.js';

/** @typedef {import('../src/api/tags.ts').Tag} Tag */
/** @typedef {import('../src/api/latest.ts').Latest} Latest */
/** @typedef {import('./tag-row.js').Row} Row */
/** @typedef {{node: HTMLTableSectionElement, rows: Map<string, Row>, summary: HTMLElement}} Group */
/** @typedef {{device: string, gateway: string, tags: Tag[]}} DeviceTags */

const outOfSightEveryMs = 3_000;

/**
 * @param {HTMLTableElement} table
 * @param {{latest: ReadonlyMap<number, Latest>, meaningOf: (code: number) => string, onSelect: (tag: Tag) => void}} parts
 */
export function createTagsView(table, { latest, meaningOf, onSelect }) {
  /** @type {Map<string, Group>} */
  const groups = new Map();
  /** @type {Map<number, Row>} */
  const rowBySeries = new Map();
  /** @type {Set<Element>} */
  const inSight = new Set();
  let selected = -1;
  let outOfSightAtMs = 0;

  /** @param {Row} row */
  const show = (row) => {
    const now = latest.get(row.tag.seriesId);
    if (now !== undefined) showLatest(row, now, meaningOf(now.quality.code));
  };
  const sight = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) inSight.add(target);
        else inSight.delete(target);
      }
      for (const { node, rows } of groups.values()) if (inSight.has(node)) for (const row of rows.values()) show(row);
    },
    { rootMargin: '200px' },
  );

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
    const row = make('tr', { class: 'group' }, heading);
    const node = make('tbody', { 'data-testid': `device-${gateway}/${device}` }, row);
    sight.observe(node);
    return { node, rows: new Map(), summary };
  };

  /** @param {Group} group @param {readonly Tag[]} tags */
  const keepRows = (group, tags) =>
    keep(group.node, group.rows, tags, {
      after: group.node.firstElementChild,
      key: ({ tag }) => tag,
      make: (tag) => makeRow(tag, () => onSelect(tag)),
      update: (row, tag) => {
        row.tag = tag;
        rowBySeries.set(tag.seriesId, row);
        show(row);
        showCurrent(row, tag.seriesId === selected);
      },
    });

  return {
    /** @param {readonly Tag[]} tags those to show, in order */
    setTags: (tags) => {
      rowBySeries.clear();
      keep(table, groups, devicesOf(tags), {
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
        if (row?.node.parentElement && inSight.has(row.node.parentElement)) show(row);
      }
    },
    /** Time goes on. @param {number} nowMs by the clock of the API @param {ReadonlySet<string>} offline gateways */
    tick: (nowMs, offline) => {
      const isAllDue = nowMs - outOfSightAtMs >= outOfSightEveryMs;
      if (isAllDue) outOfSightAtMs = nowMs;
      for (const [key, group] of groups) {
        if (!isAllDue && !inSight.has(group.node)) continue;
        for (const row of group.rows.values()) {
          if (isAllDue) show(row);
          showAge(row, nowMs);
        }
        summarise(group, latest, offline.has(key.split('/')[0] ?? ''));
      }
    },
    /** @param {number} seriesId */
    select: (seriesId) => {
      showCurrent(rowBySeries.get(selected), false);
      selected = seriesId;
      showCurrent(rowBySeries.get(selected), true);
    },
  };
}

/** @param {readonly Tag[]} tags */
function devicesOf(tags) {
  /** @type {Map<string, DeviceTags>} */
  const devices = new Map();
  for (const tag of tags) {
    const key = `${tag.gateway}/${tag.device}`;
    const device = devices.get(key) ?? { gateway: tag.gateway, device: tag.device, tags: [] };
    device.tags.push(tag);
    devices.set(key, device);
  }
  return [...devices.values()];
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
