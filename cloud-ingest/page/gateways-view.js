// @ts-check
/** A card for each gateway: is it there, what does its journal hold, is anything missing. */
import { keep, make, setAttribute, setText } from './dom.js';
import { counted, formatAge, formatCount, uncounted } from './format.js';

/** @typedef {import('../src/api/gateways.ts').Gateway} Gateway */
/** @typedef {import('../src/api/completeness.ts').Completeness} Completeness */
/** @typedef {ReturnType<typeof makeCard>} Card */

const parts = /** @type {const} */ (['committed', 'held', 'declared', 'deadLettered', 'missing']);
const partNames = {
  committed: 'stored',
  held: 'held by the gateway',
  declared: 'declared lost',
  deadLettered: 'dead-lettered',
  missing: 'missing',
};

/** @param {Element} list */
export function createGatewaysView(list) {
  /** @type {Map<string, Card>} */
  const cards = new Map();
  return {
    /** @param {readonly Gateway[]} gateways @param {ReadonlyMap<string, Completeness>} completeness @param {number} nowMs */
    update: (gateways, completeness, nowMs) =>
      keep(list, cards, gateways, {
        key: ({ gateway }) => gateway,
        make: makeCard,
        update: (card, gateway) => updateCard(card, gateway, completeness.get(gateway.gateway), nowMs),
      }),
  };
}

const clockMeaning =
  'Nothing on the gateway tells that a time server has set its clock (systemd-timesyncd would), so the times of its samples may be off: see to it that one does';

/** @param {Gateway} gateway */
function makeCard({ gateway }) {
  const state = make('span', { class: 'state' });
  const said = make('span');
  const clock = make('abbr', { title: clockMeaning, 'data-testid': 'gateway-clock' }, 'clock unsure');
  const facts = make('p', { class: 'facts' }, said, clock);
  const held = make('dd', { 'data-testid': 'gateway-held' });
  const streams = make('dd');
  const missing = make('dd', { 'data-testid': 'gateway-missing' });
  const bar = make('div', { class: 'completeness', role: 'img' });
  const segments = parts.map((part) => make('span', { class: part }));
  bar.append(...segments);
  const note = make('p', { class: 'note' });
  const node = make(
    'li',
    { class: 'gateway', 'data-testid': `gateway-${gateway}` },
    make('div', { class: 'gateway-head' }, make('h3', {}, gateway), state),
    facts,
    make(
      'dl',
      {},
      make(
        'div',
        { title: 'batches that its journal holds and the cloud has not confirmed' },
        make('dt', {}, 'journal holds'),
        held,
      ),
      make(
        'div',
        { title: 'a stream is one start of the agent, for one class of its tags' },
        make('dt', {}, 'streams'),
        streams,
      ),
      make('div', { title: 'neither here nor held nor declared' }, make('dt', {}, 'missing'), missing),
    ),
    bar,
    note,
  );
  return { node, state, said, clock, held, streams, missing, bar, segments, note };
}

/** @param {Card} card @param {Gateway} gateway @param {Completeness | undefined} ledger @param {number} nowMs */
function updateCard(card, gateway, ledger, nowMs) {
  setAttribute(card.node, 'data-online', String(gateway.online));
  const since = gateway.stateAt === null ? '' : ` for ${formatAge(nowMs - Date.parse(gateway.stateAt))}`;
  setText(card.state, gateway.online ? 'online' : `${gateway.reason === 'stopped' ? 'stopped' : 'offline'}${since}`);
  card.clock.hidden = gateway.clock !== 'unknown';
  const facts = `${counted(gateway.tags, 'tag')} on ${counted(gateway.devices, 'device')} · agent ${gateway.agent ?? '?'}`;
  setText(card.said, card.clock.hidden ? facts : `${facts} · `);
  setText(card.held, counted(gateway.heldBatches, 'batch', 'batches'));
  setText(card.streams, formatCount(gateway.streams));
  setText(card.missing, ledger === undefined ? '–' : formatCount(ledger.missing));
  setAttribute(card.missing, 'data-wrong', String((ledger?.missing ?? 0) > 0));
  if (ledger === undefined) return;
  const words = parts
    .filter((part) => ledger[part] > 0)
    .map((part) => `${formatCount(ledger[part])} ${partNames[part]}`);
  setAttribute(card.bar, 'aria-label', `of ${counted(ledger.batches, 'batch', 'batches')}: ${words.join(', ')}`);
  setAttribute(card.bar, 'title', words.join(', '));
  for (const [index, part] of parts.entries()) {
    const segment = card.segments[index];
    if (segment === undefined) continue;
    segment.hidden = ledger[part] === 0;
    segment.style.setProperty('flex-grow', String(ledger[part]));
  }
  const notes = ledger.tailUnknown ? ['tail unknown: it may hold more than it could say'] : words.slice(1);
  if (ledger.uncountedLosses > 0) notes.push(uncounted(ledger.uncountedLosses));
  setText(card.note, notes.join(' · '));
}
