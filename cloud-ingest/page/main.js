// @ts-check
/**
 * The page: what the line carries, now. Everything comes from the read API; nothing is loaded from elsewhere.
 *
 * For tests, the parts carry data-testid: line-health (data-state starting | whole | attention | broken | away),
 * balance-<read | filtered | stored | rejected | declared | open | duplicate>, verdict-missing, verdict-doubled, gateway-<id> (data-online), tag-<gateway>/<device>/<tag> (data-quality)
 * with value, quality and age inside, chart, chart-title, chart-value, range-5m … range-7d, plot, filter, only-bad,
 * dead-letters, declarations, anomalies.
 */
import { followLive, get, repeat } from './api.js';
import { createBalanceView } from './balance-view.js';
import { createChartView } from './chart-view.js';
import { byId, setAttribute, setText } from './dom.js';
import { formatCount } from './format.js';
import { createGatewaysView } from './gateways-view.js';
import { lineHealth } from './health.js';
import { anomalyEntry, createLossList, deadLetterEntry, declarationEntry } from './losses-view.js';
import { createTagsView, filterTags } from './tags-view.js';

/** @typedef {import('../src/api/tags.ts').Tag} Tag */
/** @typedef {import('../src/api/tags.ts').QualityMeaning} QualityMeaning */
/** @typedef {import('../src/api/latest.ts').Latest} Latest */
/** @typedef {import('../src/api/balance.ts').Balance} Balance */
/** @typedef {import('../src/api/gateways.ts').Gateway} Gateway */
/** @typedef {import('../src/api/completeness.ts').Completeness} Completeness */
/** @template Item @typedef {{items: Item[], next: string | null}} Page */

const balanceEveryMs = 1_000;
const gatewaysEveryMs = 2_000;
const lossesEveryMs = 5_000;
/** More rows than a person reads: beyond it the filter is the way. */
const maxTagsShown = 2_000;
const shownLosses = 50;

/** @type {Map<number, Latest>} */
const latest = new Map();
/** @type {Map<number, string>} */
const meanings = new Map();
/** @type {Tag[]} */
let tags = [];
/** @type {Balance | null} */
let balance = null;
/** @type {Gateway[]} */
let gateways = [];
/** @type {string | null} */
let away = null;
let bad = 0;
/** The clock of the API less the clock of this browser: ages are told by the former. */
let clockAheadMs = 0;
const nowMs = () => Date.now() + clockAheadMs;
const offline = () => new Set(gateways.filter(({ online }) => !online).map(({ gateway }) => gateway));

const balanceView = createBalanceView(byId('balance'), byId('verdict'));
const gatewaysView = createGatewaysView(byId('gateways'));
const tagsView = createTagsView(/** @type {HTMLTableElement} */ (byId('tags')), {
  latest,
  meaningOf: (code) => meanings.get(code) ?? '',
  onSelect: (tag) => openChart(tag),
});
const chartView = createChartView({
  nowMs,
  onClose: closeChart,
  onRange: (name) => remember(chartView.seriesId(), name),
});
const losses = byId('losses');
const deadLetters = createLossList(losses, {
  name: 'dead letters',
  testId: 'dead-letters',
  none: 'All that came could be stored.',
});
const declarations = createLossList(losses, {
  name: 'declared losses',
  testId: 'declarations',
  none: 'No gateway had to drop anything.',
});
const anomalies = createLossList(losses, { name: 'anomalies', testId: 'anomalies', none: 'Nothing odd was noticed.' });
const filter = /** @type {HTMLInputElement} */ (byId('filter'));
const onlyBad = /** @type {HTMLInputElement} */ (byId('only-bad'));

/** Says in the header that the API is away, and takes it back. @param {() => Promise<void>} ask */
const guarded = (ask) => async () => {
  try {
    await ask();
    away = null;
  } catch (error) {
    away =
      error instanceof TypeError
        ? 'the API does not answer; trying again'
        : error instanceof Error
          ? error.message
          : String(error);
  }
  showHealth();
};

function showHealth() {
  const { state, title, detail } = lineHealth({ away, balance, gateways, bad, tags: tags.length });
  setAttribute(byId('line-health'), 'data-state', state);
  setText(byId('line-health-title'), title);
  setText(byId('line-health-detail'), detail);
}

function showTags() {
  const shown = filterTags(tags, filter.value, onlyBad.checked, latest);
  tagsView.setTags(shown.slice(0, maxTagsShown));
  tagsView.tick(nowMs(), offline());
  const isAll = shown.length === tags.length;
  setText(
    byId('tags-count'),
    isAll ? formatCount(tags.length) : `${formatCount(shown.length)} of ${formatCount(tags.length)}`,
  );
  const empty = byId('tags-empty');
  empty.hidden = shown.length > 0 && shown.length <= maxTagsShown;
  setText(
    empty,
    shown.length > maxTagsShown
      ? `The first ${formatCount(maxTagsShown)} are shown: filter to see others.`
      : tags.length === 0
        ? 'No tags yet: they appear when a gateway announces them.'
        : onlyBad.checked && filter.value === ''
          ? 'All tags are good.'
          : 'No tag matches the filter.',
  );
}

async function loadTags() {
  /** @type {Tag[]} */
  const all = [];
  /** @type {string | null} */
  let after = null;
  do {
    /** @type {Page<Tag>} */
    const page = await get('tags', { limit: 2_000, ...(after === null ? {} : { after }) });
    all.push(...page.items);
    after = page.next;
  } while (after !== null);
  tags = all;
  showTags();
}

/** @param {Tag} tag @param {string} [range] */
function openChart(tag, range = remembered().range) {
  tagsView.select(tag.seriesId);
  chartView.open(tag, range);
  const now = latest.get(tag.seriesId);
  if (now !== undefined) chartView.append(now);
  remember(tag.seriesId, range);
}

function closeChart() {
  const open = tags.find(({ seriesId }) => seriesId === chartView.seriesId());
  chartView.close();
  tagsView.select(-1);
  history.replaceState(null, '', location.pathname);
  if (open !== undefined)
    document.querySelector(`[data-series="${open.seriesId}"] button`)?.dispatchEvent(new Event('focus'));
}

/** What is open stands in the address, so that it can be sent to somebody. @param {number} seriesId @param {string} range */
const remember = (seriesId, range) => history.replaceState(null, '', `#series=${seriesId}&range=${range}`);
const remembered = () => {
  const hash = new URLSearchParams(location.hash.slice(1));
  return { seriesId: Number(hash.get('series') ?? 0), range: hash.get('range') ?? '5m' };
};

function openFirstChart() {
  const { seriesId, range } = remembered();
  const wanted = tags.find((tag) => tag.seriesId === seriesId);
  // Where there is room beside the table, an empty place would be a waste.
  const first = matchMedia('(min-width: 1100px)').matches
    ? (tags.find(({ type, seriesId: id }) => type.startsWith('float') && latest.get(id)?.quality.class === 'good') ??
      tags[0])
    : undefined;
  const tag = wanted ?? first;
  if (tag !== undefined) openChart(tag, range);
}

filter.addEventListener('input', showTags);
onlyBad.addEventListener('change', showTags);
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement !== filter) {
    event.preventDefault();
    filter.focus();
  } else if (event.key === 'Escape') {
    if (filter.value !== '' && document.activeElement === filter) {
      filter.value = '';
      showTags();
    } else closeChart();
  }
});

/** @type {Set<number>} */
const changed = new Set();
let frame = 0;
let isLoading = false;
followLive(
  ({ at, items }) => {
    clockAheadMs = Date.parse(at) - Date.now();
    const unknown = items.some(({ seriesId }) => !latest.has(seriesId));
    for (const item of items) {
      latest.set(item.seriesId, item);
      changed.add(item.seriesId);
      if (item.seriesId === chartView.seriesId()) chartView.append(item);
    }
    if (unknown) void refreshTags();
    if (frame === 0) frame = requestAnimationFrame(showChanges);
  },
  (isOpen) => {
    away = isOpen ? null : 'live values stopped; connecting again';
    showHealth();
  },
);

function showChanges() {
  frame = 0;
  tagsView.showLatest(changed);
  changed.clear();
  bad = 0;
  for (const { quality } of latest.values()) if (quality.class === 'bad') bad += 1;
}

async function refreshTags() {
  if (isLoading) return;
  isLoading = true;
  const isFirst = tags.length === 0;
  await guarded(loadTags)();
  isLoading = false;
  if (isFirst) openFirstChart();
}

/** @type {Page<QualityMeaning>} */
const qualities = await get('qualities').catch(() => ({ items: [], next: null }));
for (const { code, meaning } of qualities.items) meanings.set(code, meaning);
await refreshTags();

repeat(
  guarded(async () => {
    balance = await get('balance');
    if (balance !== null) balanceView.update(balance, nowMs());
  }),
  balanceEveryMs,
);
repeat(
  guarded(async () => {
    /** @type {[Page<Gateway>, Page<Completeness>]} */
    const [list, ledger] = await Promise.all([get('gateways'), get('completeness')]);
    gateways = list.items;
    gatewaysView.update(gateways, new Map(ledger.items.map((item) => [item.gateway, item])), nowMs());
    if (gateways.reduce((sum, gateway) => sum + gateway.tags, 0) !== tags.length) await refreshTags();
  }),
  gatewaysEveryMs,
);
repeat(
  guarded(async () => {
    /** @type {[Page<import('../src/api/dead-letters.ts').DeadLetter> & {counts: {open: number}[]}, Page<import('../src/api/losses.ts').Declaration> & {total: number}, Page<import('../src/api/losses.ts').Anomaly> & {total: number}]} */
    const [letters, declared, odd] = await Promise.all([
      get('dead-letters', { limit: shownLosses, state: 'open' }),
      get('declarations', { limit: shownLosses }),
      get('anomalies', { limit: shownLosses }),
    ]);
    deadLetters.update(
      letters.items.map(deadLetterEntry),
      letters.counts.reduce((sum, { open }) => sum + open, 0),
    );
    declarations.update(declared.items.map(declarationEntry), declared.total);
    anomalies.update(odd.items.map(anomalyEntry), odd.total);
  }),
  lossesEveryMs,
);
setInterval(() => {
  if (document.hidden) return;
  tagsView.tick(nowMs(), offline());
  chartView.tick();
}, 1_000);
