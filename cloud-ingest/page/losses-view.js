// @ts-check
/** Dead letters, declared losses and anomalies: how many, and the newest of each. */
import { keep, make, setAttribute, setText } from './dom.js';
import { counted, formatCount, formatTime } from './format.js';

/** @typedef {import('../src/api/dead-letters.ts').DeadLetter} DeadLetter */
/** @typedef {import('../src/api/losses.ts').Declaration} Declaration */
/** @typedef {import('../src/api/losses.ts').Anomaly} Anomaly */
/** @typedef {{key: string, time: string, gateway: string, title: string, text: string}} Entry */

/** @param {DeadLetter} letter @returns {Entry} */
export const deadLetterEntry = (letter) => ({
  key: String(letter.id),
  time: letter.receivedAt,
  gateway: letter.gateway ?? '',
  title: letter.code,
  text: `${letter.reason} · ${counted(letter.sizeBytes, 'byte')} kept${letter.offset === null ? '' : ` · record ${letter.partition ?? 0}/${letter.offset}`}`,
});

/** @param {Declaration} loss @returns {Entry} */
export const declarationEntry = (loss) => ({
  key: String(loss.id),
  time: loss.declaredAt,
  gateway: loss.gateway,
  title: loss.reason,
  text: `${loss.samples === null ? 'an unknown number of samples' : counted(loss.samples, 'sample')}: ${extentOf(loss)}${meaningOf(loss.reason)}`,
});

/** @type {Record<import('@fieldline/shared/contracts').LossReason, string>} */
const meanings = {
  'disk-bound': 'the journal was full: the oldest of the lowest class was dropped',
  'age-bound': 'older than the journal keeps what is not confirmed',
  'memory-bound': 'the disk took nothing, and memory was full',
  'journal-damaged': 'its file in the journal cannot be read',
  restart: 'between what was written last and the next start of the agent',
  'source-overflow': 'the device had more than it keeps between two answers',
  'poll-missed': 'not read in time',
  outage: 'the device was not connected, and has no history of the time',
  'too-large': 'larger than a batch may be',
  thinned: 'the journal was full: fewer samples of each tag were kept, none of these',
};

/** @param {string} reason of a newer agent perhaps */
const meaningOf = (reason) => {
  const meaning = new Map(Object.entries(meanings)).get(reason);
  return meaning === undefined ? '' : ` · ${meaning}`;
};

/** @param {Declaration} loss */
const extentOf = ({ kind, fromSeq, toSeq, class: tagClass, device, tag, fromTime, toTime }) =>
  (kind === 'batches'
    ? `batches ${fromSeq}–${toSeq}`
    : `${device ?? 'all devices'}${tag === null ? '' : `/${tag}`}, ${fromTime === null ? '?' : formatTime(fromTime)} to ${toTime === null ? '?' : formatTime(toTime)}`) +
  (tagClass === null ? '' : ` of class ${tagClass}`);

/** @param {Anomaly} anomaly @returns {Entry} */
export const anomalyEntry = ({ id, at, gateway, kind, details }) => ({
  key: String(id),
  time: at,
  gateway: gateway ?? '',
  title: kind,
  text: Object.entries(details)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', '),
});

/**
 * @param {Element} parent
 * @param {{name: string, testId: string, none: string}} what
 */
export function createLossList(parent, { name, testId, none }) {
  const count = make('strong', { 'data-testid': testId }, '–');
  const list = make('ol');
  const rest = make('p', { class: 'rest' });
  const empty = make('p', { class: 'rest' }, none);
  const node = make(
    'details',
    { class: 'loss' },
    make('summary', {}, count, make('span', {}, name)),
    list,
    rest,
    empty,
  );
  parent.append(node);
  /** @type {Map<string, {node: HTMLLIElement}>} */
  const items = new Map();
  return {
    /** @param {readonly Entry[]} entries @param {number} total */
    update: (entries, total) => {
      setText(count, formatCount(total));
      setAttribute(node, 'data-some', String(total > 0));
      keep(list, items, entries, { key: ({ key }) => key, make: makeEntry, update: () => {} });
      setText(rest, total > entries.length ? `and ${formatCount(total - entries.length)} older` : '');
      empty.hidden = total > 0;
    },
  };
}

/** @param {Entry} entry */
const makeEntry = ({ time, gateway, title, text }) => ({
  node: make(
    'li',
    {},
    make('time', { datetime: time }, formatTime(time)),
    make('strong', {}, title),
    make('span', { class: 'of-gateway' }, gateway),
    make('p', {}, text),
  ),
});
