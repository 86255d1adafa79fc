// @ts-check
/** The message balance as the line that it is: what was read, and the stations where it is now. */
import { make, setAttribute, setText } from './dom.js';
import { counted, formatAge, formatCount, formatLargeCount, uncounted } from './format.js';

/** @typedef {import('../src/api/balance.ts').Balance} Balance */
/** @typedef {'read' | 'filtered' | 'stored' | 'rejected' | 'declared' | 'open' | 'duplicate'} Station */

/** @type {{station: Station, sign: string, name: string, meaning: string}[]} */
const stations = [
  { station: 'read', sign: '', name: 'read', meaning: 'samples that the drivers have given' },
  { station: 'filtered', sign: '=', name: 'filtered', meaning: 'held back by deadband: no news' },
  { station: 'stored', sign: '+', name: 'stored', meaning: 'rows in the database' },
  { station: 'rejected', sign: '+', name: 'dead-lettered', meaning: 'cannot be stored; kept with the reason' },
  { station: 'declared', sign: '+', name: 'declared', meaning: 'declared lost by the gateway, with the reason' },
  { station: 'open', sign: '+', name: 'in flight', meaning: 'on their way from the journal to the rows' },
  { station: 'duplicate', sign: '', name: 'duplicate', meaning: 'came again and were dropped: not counted twice' },
];

/** A count older than this says so; a large database is counted seldom. */
const oldMs = 60_000;

/** @param {Element} list @param {Element} verdict */
export function createBalanceView(list, verdict) {
  const values = new Map(
    stations.map(({ station, sign, name, meaning }) => {
      const value = make('dd', { 'data-testid': `balance-${station}` }, '–');
      list.append(
        make(
          'div',
          { class: `station ${station}`, title: meaning, 'data-sign': sign },
          make('dt', {}, name),
          make('span', { class: 'stop', 'aria-hidden': 'true' }),
          value,
        ),
      );
      return [station, value];
    }),
  );
  const missing = verdictTile('missing', 'verdict-missing');
  const doubled = verdictTile('doubled', 'verdict-doubled');
  verdict.append(missing.node, doubled.node);

  return {
    /** @param {Balance} balance @param {number} nowMs by the clock of the API */
    update: (balance, nowMs) => {
      for (const [station, value] of values) {
        // What was lost without a count cannot be added: it must not read as nothing either.
        const losses = station === 'declared' ? balance.uncountedLosses : 0;
        setText(value, `${formatLargeCount(balance[station])}${losses > 0 ? ' + ?' : ''}`);
        setAttribute(
          value,
          'title',
          `${formatCount(balance[station])}${losses > 0 ? `, and ${uncounted(losses)}` : ''}`,
        );
        const isZero = balance[station] === 0 && losses === 0;
        if (value.parentElement) setAttribute(value.parentElement, 'data-zero', String(isZero));
      }
      missing.update(balance.missing, `${counted(balance.missing, 'batch', 'batches')} missing`);
      const { doubled: rows, doubledCountedAt } = balance;
      if (rows === null || doubledCountedAt === null) doubled.unknown('not counted yet');
      else {
        const ageMs = nowMs - Date.parse(doubledCountedAt);
        const title = `${counted(rows, 'row')} doubled among those of the hour before, counted ${formatAge(ageMs)} ago`;
        doubled.update(rows, title, ageMs > oldMs ? ` ${formatAge(ageMs)} ago` : '');
      }
    },
  };
}

/** @param {string} name @param {string} testId */
function verdictTile(name, testId) {
  const number = make('strong', { 'data-testid': testId }, '–');
  const label = make('span', {}, name);
  const node = make('p', { class: 'tile', 'data-state': 'unknown' }, number, label);
  return {
    node,
    /** @param {number} count @param {string} title @param {string} [when] where it was not just now */
    update: (count, title, when = '') => {
      setText(number, formatCount(count));
      setAttribute(node, 'data-state', count === 0 ? 'well' : 'wrong');
      setAttribute(node, 'title', title);
      setText(label, `${name}${when}`);
    },
    /** @param {string} title */
    unknown: (title) => {
      setText(number, '–');
      setText(label, name);
      setAttribute(node, 'data-state', 'unknown');
      setAttribute(node, 'title', title);
    },
  };
}
