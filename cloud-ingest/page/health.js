// @ts-check
/** What the header says of the whole line. Pure. */
import { counted, uncounted } from './format.js';

/** @typedef {import('../src/api/balance.ts').Balance} Balance */
/** @typedef {import('../src/api/gateways.ts').Gateway} Gateway */
/** @typedef {{state: 'starting' | 'whole' | 'attention' | 'broken' | 'away', title: string, detail: string}} LineHealth */

/**
 * @param {{away: string | null, balance: Balance | null, gateways: readonly Gateway[], bad: number, tags: number}} facts
 * @returns {LineHealth}
 */
export function lineHealth({ away, balance, gateways, bad, tags }) {
  if (away !== null) return { state: 'away', title: 'No connection', detail: away };
  if (balance === null) return { state: 'starting', title: 'Starting', detail: '' };
  const doubled = balance.doubled ?? 0;
  if (balance.missing > 0 || doubled > 0) {
    const detail = [
      ...(balance.missing > 0 ? [`${counted(balance.missing, 'batch', 'batches')} missing`] : []),
      ...(doubled > 0 ? [`${counted(doubled, 'row')} doubled`] : []),
    ].join(', ');
    return { state: 'broken', title: balance.missing > 0 ? 'The line has a hole' : 'The line has doubles', detail };
  }
  const offline = gateways.filter(({ online }) => !online);
  if (offline.length > 0) {
    const names = offline.length > 3 ? `${offline.length} gateways` : offline.map(({ gateway }) => gateway).join(', ');
    return { state: 'attention', title: 'Gateway offline', detail: names };
  }
  if (gateways.length === 0) {
    return { state: 'attention', title: 'No gateway yet', detail: 'the first one appears when it connects' };
  }
  if (bad > 0)
    return { state: 'attention', title: 'The line is whole', detail: `${bad} of ${counted(tags, 'tag')} bad` };
  const beside = balance.uncountedLosses > 0 ? `; ${uncounted(balance.uncountedLosses)}` : '';
  return { state: 'whole', title: 'The line is whole', detail: `nothing missing, nothing doubled${beside}` };
}
