// @ts-check
/** The message balance as the line that it is: what was read, and the stations where it is now. */
import { make, setAttribute, setText } from './dom.js';
import { counted, formatCount, formatLargeCount } from './format.js';

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
    /** @param {Balance} balance */
    update: (balance) => {
      for (const [station, value] of values) {
        setText(value, formatLargeCount(balance[station]));
        setAttribute(value, 'title', formatCount(balance[station]));
        if (value.parentElement) setAttribute(value.parentElement, 'data-zero', String(balance[station] === 0));
      }
      missing.update(balance.missing, counted(balance.missing, 'batch', 'batches'));
      if (balance.doubled !== null) doubled.update(balance.doubled, counted(balance.doubled, 'sample'));
    },
  };
}

/** @param {string} name @param {string} testId */
function verdictTile(name, testId) {
  const number = make('strong', { 'data-testid': testId }, '–');
  const node = make('p', { class: 'tile', 'data-state': 'unknown' }, number, make('span', {}, name));
  return {
    node,
    /** @param {number} count @param {string} title */
    update: (count, title) => {
      setText(number, formatCount(count));
      setAttribute(node, 'data-state', count === 0 ? 'well' : 'wrong');
      setAttribute(node, 'title', `${title} ${name}`);
    },
  };
}
