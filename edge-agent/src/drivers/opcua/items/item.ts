/**
 * A tag, its node, and what was last said of it. Tags of one node share its monitored item. Invariants:
 *  - what the server brings again with the same source time, value and quality is said once, whatever made it come again;
 *  - a bad sample of our own (`mark`) is said once per reason, and later than every sample before it;
 *  - after a mark, an unchanged value is said again at the server's time, for else the tag would stay bad until it changes; where
 *    the subscription has lived on meanwhile, right after the mark (`restateItem`), for then nothing has happened to it;
 *  - what an earlier run of the agent has left in the journal counts as said;
 *  - a mark may be by a clock that is ahead of the server's, as long as that was not heard: what the server then says first keeps its
 *    own time all the same, and the tag stays marked until something later is said of it.
 */
import type { Micros, QualityCode, Sample, Tag, Value } from '@fieldline/shared/contracts';
import { GOOD, qualityClass, qualityCode } from '@fieldline/shared/contracts';
import type { LastKept } from '../../driver.ts';
import type { EventTaker } from '../events/events.ts';
import type { OpenGap, Span } from '../history/gap.ts';
import type { DataValue } from '../library.ts';
import type { NodeAddress } from '../nodes/node-address.ts';
import type { Element } from '../values/element.ts';
import { hasOverflow, qualityOf } from '../values/status.ts';
import { microsOf } from '../values/time.ts';
import { asItComes, type DataPart, readPart, readVariant, type Understanding } from '../values/value.ts';
import type { ItemFilter } from './item-filter.ts';

export type Item = {
  readonly tag: Tag;
  readonly node: NodeAddress;
  readonly samplingMs: number;
  readonly part: DataPart;
  /** null for one that takes values. */
  readonly events: EventTaker | null;
  /** Its types are learnt before it is monitored. */
  understanding: Understanding;
  /** Who gets the data values of this monitored item: itself, and the items that share it. */
  readonly members: readonly Item[];
  readonly filter: ItemFilter;
  /** It is said at least this often, changed or not; null: only when it changes. */
  readonly heartbeatMs: number | null;
  /** From this age of its source time on it is stale; null: never. */
  readonly staleAfterMs: number | null;
  /** What the server said last, under its own time. */
  reported: Reported | null;
  /** Time of the last sample, the server's or our own. */
  lastTime: Micros;
  /** The quality that we said by ourselves since the server's last word; else null. */
  marked: QualityCode | null;
  /** Until the server says how the node stands, nobody knows what has happened to it; null: nothing is missing. Of the monitored item. */
  gap: OpenGap | null;
};

/** What the server has said of an item whose gap was open. */
export type ReportedGap = {
  readonly item: Item;
  readonly open: OpenGap;
  /** What is earlier may be missing; null: nothing is. */
  readonly to: Micros | null;
};

type Reported = {
  readonly time: Micros;
  /** undefined: not known. */
  readonly value: Value | null | undefined;
  readonly quality: QualityCode;
  /** Said by an earlier run of the agent: its time may be later than that of the server. */
  readonly isRecalled?: true;
};

const unsaid = { reported: null, lastTime: 0, marked: null, gap: null };
const everyChange: ItemFilter = { trigger: 'status-value', deadband: null };

export function createItem(
  tag: Tag,
  node: NodeAddress,
  samplingMs: number,
  options: {
    readonly part?: DataPart | undefined;
    readonly element?: Element | null;
    readonly sharing?: readonly Item[];
  } & Partial<Pick<Item, 'filter' | 'heartbeatMs' | 'staleAfterMs' | 'events'>> = {},
): Item {
  const { part = 'value', element = null, sharing = [] } = options;
  const members: Item[] = [...sharing];
  const understanding = { ...asItComes, element };
  const { filter = everyChange, heartbeatMs = null, staleAfterMs = null, events = null } = options;
  const asked = { node, samplingMs, filter, heartbeatMs, staleAfterMs, events };
  const item: Item = { tag, ...asked, part, understanding, members, ...unsaid };
  members.unshift(item);
  return item;
}

export type Taken = {
  /** null for what came again. */
  readonly sample: Sample | null;
  /** The queue of the server overflowed before this value: from when to when. */
  readonly lost: Span | null;
  /** Where a gap was open: it is no longer. */
  readonly reported: ReportedGap | null;
};

/** `askedAt`: when the server was asked for the values, by its own clock. */
export function takeDataValue(item: Item, data: DataValue, arrival: Micros, askedAt: Micros): Taken {
  const serverTime = microsOf(data.serverTimestamp, data.serverPicoseconds);
  const time = timeOf(data) ?? arrival;
  const { value, quality } = readingOf(data, item);
  const before = item.reported;
  const again = isAgain(before, time, value, quality);
  const lost =
    hasOverflow(data.statusCode.value) && !again ? { from: Math.min(before?.time ?? time, time), to: time } : null;
  const reported = closeGap(item, again ? null : time);
  item.reported = { time, value, quality };
  if (again && item.marked === null) return { sample: null, lost, reported };
  // Before the first word of the server in this run there may be later samples: ours, or of an earlier run.
  const isFirst = before === null || before.isRecalled === true;
  const isEarlier = isFirst && time <= item.lastTime;
  if (isEarlier && !again && askedAt <= item.lastTime)
    return { sample: { tag: item.tag, time, value, quality }, lost, reported };
  const isOld = again || isEarlier;
  item.marked = null;
  item.lastTime = isOld ? Math.max(serverTime ?? arrival, item.lastTime + 1) : time;
  return { sample: { tag: item.tag, time: item.lastTime, value, quality }, lost, reported };
}

/** `at`: what the server has said is of this time; null: it is what was said before. null where no gap was open. */
export function closeGap(item: Item, at: Micros | null): ReportedGap | null {
  const open = item.gap;
  if (open === null) return null;
  item.gap = null;
  return { item, open, to: at !== null && open.from < at ? at : null };
}

/** A gap that is open already began earlier. What was never heard of has none. */
export function openGap(item: Item, from: Micros): void {
  if (item.reported !== null || item.events !== null) item.gap ??= { from, oursFrom: from, note: null };
}

function isAgain(before: Reported | null, time: Micros, value: Value | null, quality: QualityCode): boolean {
  if (before === null || before.quality !== quality) return false;
  if (before.isRecalled ? time > before.time : time !== before.time) return false;
  return before.value === undefined || Object.is(before.value, value);
}

const notConnected = qualityCode('bad/not-connected');
export const fromHistory = qualityCode('good/history');

/** What an earlier run of the agent has left of the tag in the journal. */
export function recallItem(item: Item, { time, value, quality, bad }: LastKept): void {
  const isMarked = (bad?.quality ?? quality) === notConnected;
  item.marked = isMarked ? notConnected : null;
  item.lastTime = bad?.time ?? time;
  if (bad !== null && !isMarked) item.reported = { ...bad, value: null, isRecalled: true };
  else if (bad !== null || !isMarked)
    item.reported = { time, value, quality: quality === fromHistory ? GOOD : quality, isRecalled: true };
}

/** A bad sample of our own; null if the same was said already. */
export function markItem(item: Item, quality: QualityCode, now: Micros): Sample | null {
  if (item.marked === quality) return null;
  item.marked = quality;
  item.lastTime = Math.max(now, item.lastTime + 1);
  return { tag: item.tag, time: item.lastTime, value: null, quality };
}

/** What the server said last has held all the time: the mark is taken back. null where there is none, or nothing was said. */
export function restateItem(item: Item): Sample | null {
  const { reported } = item;
  if (item.marked === null || reported?.value === undefined) return null;
  item.marked = null;
  item.lastTime += 1;
  return { tag: item.tag, time: item.lastTime, value: reported.value, quality: reported.quality };
}

/**
 * Whether a value that was read is one that the server should have reported. A percentage of a range that only the server knows is
 * not judged, nor is the time of the server, which is always another one.
 */
export function differsFrom({ members, filter }: Item, data: DataValue): boolean {
  if (members.every(({ reported }) => reported === null)) return true;
  return members.some((member) => member.part !== 'server-time' && isOther(member, filter, data));
}

function isOther(member: Item, { trigger, deadband }: ItemFilter, data: DataValue): boolean {
  const before = member.reported;
  const { value, quality } = readingOf(data, member);
  if (before === null || before.quality !== quality) return true;
  if (trigger === 'status' || Object.is(before.value, value)) return false;
  if (deadband === null) return true;
  return deadband.kind === 'absolute' && Math.abs(Number(before.value) - Number(value)) > deadband.value;
}

/** What was read is what was reported, and is said once more: at a later time, for it still holds. */
export function sayAgain(item: Item, data: DataValue, now: Micros): Sample {
  const { value, quality } = readingOf(data, item);
  item.marked = null;
  item.lastTime = Math.max(now, item.lastTime + 1);
  return { tag: item.tag, time: item.lastTime, value, quality };
}

export const timeOf = (data: DataValue): Micros | null =>
  microsOf(data.sourceTimestamp, data.sourcePicoseconds) ?? microsOf(data.serverTimestamp, data.serverPicoseconds);

export function readingOf(
  data: DataValue,
  item: Pick<Item, 'tag' | 'part' | 'understanding'>,
): { value: Value | null; quality: QualityCode } {
  const { tag, part, understanding } = item;
  const quality = qualityOf(data.statusCode.value);
  if (part === 'value' && qualityClass(quality) === 'bad') return { value: null, quality };
  const reading = part === 'value' ? readVariant(data.value, tag.type, understanding) : readPart(data, part, tag.type);
  if (!('value' in reading)) return { value: null, quality: qualityCode(reading.bad) };
  const own = part === 'value' ? quality : GOOD;
  return { value: reading.value, quality: own === GOOD && reading.undecoded ? undecoded : own };
}

const undecoded = qualityCode('uncertain/undecoded');
