/**
 * What earlier runs of the agent have left of a device: of each tag its last sample, which the journal has, and the times that were not
 * read or declared to their end, which are noted. Of a time that was noted as ended by a report of the server, and whose report the
 * journal does not have, the end is not known: it goes on. Pure, but for the items, which it tells what was said of them.
 */
import type { Micros } from '@fieldline/shared/contracts';
import type { DriverContext, LastKept } from '../../driver.ts';
import { type Item, recallItem } from '../items/item.ts';
import { type SubscriptionPlan, unsampledMicros } from '../plan.ts';
import type { Gap } from './gap.ts';
import type { GapNote } from './gap-notes.ts';

/** Of tags that nobody will ask the server for: their settings are gone, or what the journal had of them. */
export type LeftLost = { readonly tags: readonly string[]; readonly from: Micros; readonly to: Micros };

export type Recalled = {
  readonly gaps: readonly Gap[];
  readonly lost: readonly LeftLost[];
  /** Notes that stand for these losses now. */
  readonly lostNotes: readonly number[];
};

type Sources = Pick<DriverContext, 'lastKept' | 'standing'> & {
  readonly startedAt: Micros;
  readonly notes: ReadonlyMap<number, GapNote>;
};

export function recallDevice(plan: SubscriptionPlan, { lastKept, standing, startedAt, notes }: Sources): Recalled {
  const kept = new Map<Item, LastKept>();
  for (const member of plan.items.flatMap(({ members }) => members)) {
    const last = lastKept(member.tag);
    if (last === null) continue;
    kept.set(member, last);
    recallItem(member, last);
    member.events?.recall(member.lastTime, standing(member.tag));
  }
  openGaps(plan, kept, startedAt);
  const itemOf = new Map(plan.items.flatMap((item) => item.members.map(({ tag }) => [tag.tag, item] as const)));
  const gaps: Gap[] = [];
  const lost: LeftLost[] = [];
  const lostNotes: number[] = [];
  const lose = (note: GapNote, tags: readonly string[]): void => {
    if (tags.length > 0) lost.push({ tags, from: Math.max(note.from, note.oursFrom), to: note.to ?? startedAt });
  };
  for (const [id, note] of notes) {
    if (note.device !== plan.device) continue;
    const item = note.tags.map((tag) => itemOf.get(tag)).find((each) => each !== undefined);
    const last = item === undefined ? undefined : kept.get(item);
    if (note.isLost || item === undefined || last === undefined || (note.to === null && plan.acquire === 'read')) {
      lose(note, note.tags);
      lostNotes.push(id);
    } else if (note.to === null || latestOf(last) < note.to) goOn(item, id, note);
    else {
      const known = item.members.filter((member) => note.tags.includes(member.tag.tag) && kept.has(member));
      lose(
        note,
        note.tags.filter((tag) => !known.some((member) => member.tag.tag === tag)),
      );
      gaps.push(gapLeft(item, id, { ...note, to: note.to }, new Map(known.map((each) => [each, kept.get(each)]))));
    }
  }
  return { gaps, lost, lostNotes };
}

/** What the server has to say now may be news, and what came before it as well. */
function openGaps(plan: SubscriptionPlan, kept: ReadonlyMap<Item, LastKept>, startedAt: Micros): void {
  if (plan.acquire === 'read' || kept.size === 0) return;
  // Any sample of the device proves that it was heard until then; samples of a time to come, nothing.
  const heardUntil = Math.min(
    startedAt,
    [...kept.values()].reduce((latest, each) => Math.max(latest, latestOf(each)), 0),
  );
  for (const item of plan.items) {
    const last = kept.get(item);
    // Of events nobody knows when the last one would have been due.
    const from = item.events !== null && item.marked === null ? heardUntil : missingSince(item, last, plan);
    if (from === null) continue;
    const oursFrom = item.marked === null ? Math.max(from, heardUntil) : from;
    item.gap = { from, oursFrom, note: null };
  }
}

function missingSince(item: Item, last: LastKept | undefined, plan: SubscriptionPlan): Micros | null {
  if (last === undefined) return null;
  const latest = latestOf(last);
  if (item.marked === null) return latest;
  // The mark says until when the server was heard.
  return item.events === null ? Math.max(item.reported?.time ?? 0, latest - unsampledMicros(item, plan)) : latest;
}

const latestOf = ({ time, bad }: LastKept): Micros => bad?.time ?? time;

function goOn(item: Item, id: number, note: GapNote): void {
  const { from, oursFrom } = item.gap ?? note;
  const since = note.to === null ? Math.min(from, note.from) : from;
  item.gap = { from: since, oursFrom: Math.min(oursFrom, note.oursFrom), note: id };
}

/** The samples of a history that came last, and were kept, say how far it was read: of each tag, for each may be in another stream. */
function gapLeft(
  item: Item,
  note: number,
  { from, to, oursFrom }: GapNote & { readonly to: Micros },
  kept: ReadonlyMap<Item, LastKept | undefined>,
): Gap {
  const keptUntil = new Map<Item, Micros>();
  for (const member of item.members) {
    const last = kept.get(member);
    const times = [last?.time, last?.late].filter((time) => typeof time === 'number' && time > from && time < to);
    // Of a tag of which nothing is known the time is declared.
    keptUntil.set(member, last === undefined ? to : Math.max(from, ...times.map(Number)));
  }
  return { item, from: Math.min(...keptUntil.values()), to, oursFrom, keptUntil, note, isReached: false };
}
