/**
 * The events of one tag, as samples. Invariants:
 *  - an event is said once, by its EventId, whatever brings it again: a refresh, a republished message;
 *  - no two events have the same time: one that has the time of another is put on the next free microsecond;
 *  - a condition that a refresh does not bring any more, although it was of interest before, has ended while nobody listened: that is
 *    said, as uncertain.
 */
import { GOOD, type Micros, qualityCode, type Sample, type Tag } from '@fieldline/shared/contracts';
import { DataType, NodeId, standardTypeName, type Variant } from '../library.ts';
import { type Content, contentOf, type KnownTypes } from '../values/content.ts';
import { textOf } from '../values/content-text.ts';
import { textOfScalar } from '../values/scalar.ts';
import { instantOf } from '../values/time.ts';
import { type EventsPlan, ownFieldCount, ownFields } from './event-filter.ts';

export type TakenEvent = {
  readonly samples: readonly Sample[];
  readonly isRepeated: boolean;
  /** The queue of the server overflowed: from when to when events are missing. */
  readonly lost: { readonly from: Micros; readonly to: Micros } | null;
  /** The server wants its conditions to be asked for again. */
  readonly wantsRefresh: boolean;
};

export type EventTaker = {
  readonly plan: EventsPlan;
  readonly take: (fields: readonly Variant[], arrival: Micros, types: KnownTypes) => TakenEvent;
  /** What began in a session that is gone does not end. */
  readonly stopRefresh: () => void;
};

/** Enough to know again what a refresh or a republished message brings. */
const mostRemembered = 10_000;

const nothing: TakenEvent = { samples: [], isRepeated: false, lost: null, wantsRefresh: false };

/** OPC 10000-5 6.4.3 and following, OPC 10000-9 5.11. */
const special = { refreshStart: 2787, refreshEnd: 2788, refreshRequired: 2789, overflow: 3035 } as const;

type Condition = { readonly time: Micros; readonly fields: ReadonlyMap<string, Content> };

export function createEventTaker(tag: Tag, plan: EventsPlan): EventTaker {
  const said = new Set<string>();
  const times = new Set<Micros>();
  /** Those of interest, by their node and branch. */
  const conditions = new Map<string, Condition>();
  /** Those that the refresh that is under way has brought; null while none is. */
  let refreshed: Set<string> | null = null;
  let lastTime: Micros = 0;

  const sampleOf = (fields: ReadonlyMap<string, Content>, time: Micros, quality: number): Sample => {
    let free = time;
    while (times.has(free)) free += 1;
    remember(times, free);
    lastTime = Math.max(lastTime, free);
    return { tag, time: free, value: textOf({ kind: 'structure', fields }).text, quality };
  };

  const endRefresh = (time: Micros): TakenEvent => {
    const brought = refreshed ?? new Set();
    refreshed = null;
    const gone = [...conditions].filter(([key]) => !brought.has(key));
    for (const [key] of gone) conditions.delete(key);
    const samples = gone.map(([, { fields }]) =>
      sampleOf(new Map([...fields, ['Retain', flag(false)]]), time, qualityCode('uncertain/substituted')),
    );
    return { ...nothing, samples };
  };

  /** True where a refresh brings what was said already, maybe under a new EventId. */
  const noteCondition = (key: string, isRetained: boolean, known: Condition): boolean => {
    const before = conditions.get(key);
    conditions.delete(key);
    if (isRetained && conditions.size < mostRemembered) conditions.set(key, known);
    if (refreshed === null) return false;
    refreshed.add(key);
    return before?.time === known.time && sameFields(before.fields, known.fields);
  };

  return {
    plan,
    stopRefresh: () => {
      refreshed = null;
    },
    take: (variants, arrival, types) => {
      const own = ownOf(variants, arrival);
      if (own.severity < plan.minSeverity && own.special === null) return nothing;
      switch (own.special) {
        case special.refreshStart:
          refreshed = new Set();
          return nothing;
        case special.refreshEnd:
          return refreshed === null ? nothing : endRefresh(own.time);
        case special.refreshRequired:
          return { ...nothing, wantsRefresh: true };
        case special.overflow:
          return { ...nothing, lost: { from: Math.min(lastTime || own.time, own.time), to: own.time } };
        default: {
          const fields = fieldsOf(plan, variants, types);
          const known = { time: own.time, fields };
          const isBroughtAgain = own.condition !== null && noteCondition(own.condition, own.isRetained, known);
          if (isBroughtAgain || said.has(own.eventId)) return { ...nothing, isRepeated: true };
          if (own.eventId !== '') remember(said, own.eventId);
          const withId = new Map([['EventId', text(own.eventId)], ...fields]);
          return { ...nothing, samples: [sampleOf(withId, own.time, GOOD)] };
        }
      }
    },
  };
}

function remember<T>(set: Set<T>, value: T): void {
  set.add(value);
  const [oldest] = set;
  if (set.size > mostRemembered && oldest !== undefined) set.delete(oldest);
}

type Own = {
  readonly eventId: string;
  readonly special: number | null;
  readonly time: Micros;
  readonly severity: number;
  /** null for an event that is of no condition. */
  readonly condition: string | null;
  readonly isRetained: boolean;
};

function ownOf(variants: readonly Variant[], arrival: Micros): Own {
  const raw = (field: keyof typeof ownFields): unknown => variants[ownFields[field]]?.value;
  const [id, type, severity, condition] = [raw('eventId'), raw('eventType'), raw('severity'), raw('conditionId')];
  const number = type instanceof NodeId && type.namespace === 0 ? type.value : null;
  const branch = raw('branchId');
  return {
    eventId: Buffer.isBuffer(id) ? id.toString('base64') : '',
    special: Object.values(special).find((each) => each === number) ?? null,
    time: Number(instantOf(raw('time')) ?? arrival),
    severity: typeof severity === 'number' ? severity : 1_000,
    condition: condition instanceof NodeId && !condition.isEmpty() ? `${condition} ${branch ?? ''}` : null,
    isRetained: raw('retain') === true,
  };
}

/** Without the EventId; what the server does not know is left out. */
function fieldsOf(plan: EventsPlan, variants: readonly Variant[], types: KnownTypes): Map<string, Content> {
  const fields = new Map<string, Content>();
  const add = (name: string, variant: Variant | undefined): void => {
    const content = variant === undefined ? null : contentOf(variant, null, types);
    if (content !== null && !isEmpty(content)) fields.set(name, content);
  };
  const type: unknown = variants[ownFields.eventType]?.value;
  const name = type instanceof NodeId ? standardTypeName(type) : null;
  if (name !== null) fields.set('EventType', text(name));
  else add('EventType', variants[ownFields.eventType]);
  add('ConditionId', variants[ownFields.conditionId]);
  for (const [position, field] of plan.fields.entries()) add(field.name, variants[ownFieldCount + position]);
  return fields;
}

const isEmpty = (content: Content): boolean => content.kind === 'scalar' && textOfScalar(content) === null;

const text = (raw: string): Content => ({ kind: 'scalar', dataType: DataType.String, raw, names: null });
const flag = (raw: boolean): Content => ({ kind: 'scalar', dataType: DataType.Boolean, raw, names: null });

const sameFields = (left: ReadonlyMap<string, Content>, right: ReadonlyMap<string, Content>): boolean =>
  textOf({ kind: 'structure', fields: left }).text === textOf({ kind: 'structure', fields: right }).text;
