/**
 * The events of one tag, as samples. Invariants:
 *  - an event is said once, by its EventId, whatever brings it again: a refresh, a republished message;
 *  - what an earlier run of the agent has left of a condition in the journal counts as said;
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
import { conditionIn, endedText, withoutId } from './condition-text.ts';
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
  /** What the journal has: its last time, and the conditions that stand. */
  readonly recall: (last: Micros, standing: readonly StandingText[]) => void;
  /** What began in a session that is gone does not end. */
  readonly stopRefresh: () => void;
};

/** Enough to know again what a refresh or a republished message brings. */
const mostRemembered = 10_000;

const nothing: TakenEvent = { samples: [], isRepeated: false, lost: null, wantsRefresh: false };

/** OPC 10000-5 6.4.3 and following, OPC 10000-9 5.11. */
const special = { refreshStart: 2787, refreshEnd: 2788, refreshRequired: 2789, overflow: 3035 } as const;

export type StandingText = { readonly time: Micros; readonly text: string };

/** `text`: without the EventId. `isRecalled`: its time is that of its sample, which may be moved a little from that of the event. */
type Condition = StandingText & { readonly isRecalled?: boolean };

/** Of so many microseconds an event is moved at most, by others of its time: most servers count milliseconds. */
const mostMoved = 999;

export function createEventTaker(tag: Tag, plan: EventsPlan): EventTaker {
  const said = new Set<string>();
  const times = new Set<Micros>();
  /** Those of interest, by their names. */
  const conditions = new Map<string, Condition>();
  /** Those that the refresh that is under way has brought; null while none is. */
  let refreshed: Set<string> | null = null;
  let lastTime: Micros = 0;

  const sampleOf = (value: string, time: Micros, quality: number): Sample => {
    let free = time;
    while (times.has(free)) free += 1;
    remember(times, free);
    lastTime = Math.max(lastTime, free);
    return { tag, time: free, value, quality };
  };

  const endRefresh = (time: Micros): TakenEvent => {
    const brought = refreshed ?? new Set();
    refreshed = null;
    const gone = [...conditions].filter(([key]) => !brought.has(key));
    for (const [key] of gone) conditions.delete(key);
    const samples = gone.map(([, { text }]) => sampleOf(endedText(text), time, qualityCode('uncertain/substituted')));
    return { ...nothing, samples };
  };

  /** True where a refresh brings what was said already, maybe under a new EventId. */
  const noteCondition = (key: string, isRetained: boolean, known: Condition): boolean => {
    const before = conditions.get(key);
    conditions.delete(key);
    if (isRetained && conditions.size < mostRemembered) conditions.set(key, known);
    if (refreshed === null) return false;
    refreshed.add(key);
    return before !== undefined && before.text === known.text && isTimeOf(before, known.time);
  };

  return {
    plan,
    recall: (last, standing) => {
      lastTime = Math.max(lastTime, last);
      remember(times, last);
      for (const { time, text } of standing) {
        const name = conditionIn(text)?.name;
        if (name !== undefined) conditions.set(name, { time, text: withoutId(text), isRecalled: true });
        remember(times, time);
      }
    },
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
          const text = jsonOf(fields);
          const subject = conditionIn(text);
          const isBroughtAgain =
            subject !== null && noteCondition(subject.name, own.isRetained, { time: own.time, text });
          if (isBroughtAgain || said.has(own.eventId)) return { ...nothing, isRepeated: true };
          if (own.eventId !== '') remember(said, own.eventId);
          const withId = jsonOf(new Map([['EventId', textContent(own.eventId)], ...fields]));
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
  readonly isRetained: boolean;
};

function ownOf(variants: readonly Variant[], arrival: Micros): Own {
  const raw = (field: keyof typeof ownFields): unknown => variants[ownFields[field]]?.value;
  const [id, type, severity] = [raw('eventId'), raw('eventType'), raw('severity')];
  const number = type instanceof NodeId && type.namespace === 0 ? type.value : null;
  return {
    eventId: Buffer.isBuffer(id) ? id.toString('base64') : '',
    special: Object.values(special).find((each) => each === number) ?? null,
    time: Number(instantOf(raw('time')) ?? arrival),
    severity: typeof severity === 'number' ? severity : 1_000,
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
  if (name !== null) fields.set('EventType', textContent(name));
  else add('EventType', variants[ownFields.eventType]);
  if (isNode(variants[ownFields.conditionId])) {
    add('ConditionId', variants[ownFields.conditionId]);
    if (isNode(variants[ownFields.branchId])) add('BranchId', variants[ownFields.branchId]);
    add('Retain', variants[ownFields.retain]);
  }
  for (const [position, field] of plan.fields.entries()) add(field.name, variants[ownFieldCount + position]);
  return fields;
}

const isEmpty = (content: Content): boolean => content.kind === 'scalar' && textOfScalar(content) === null;

const isNode = (variant: Variant | undefined): boolean => {
  const node: unknown = variant?.value;
  return node instanceof NodeId && !node.isEmpty();
};

const isTimeOf = ({ time, isRecalled = false }: Condition, eventTime: Micros): boolean =>
  eventTime <= time && time - eventTime <= (isRecalled ? mostMoved : 0);

const textContent = (raw: string): Content => ({ kind: 'scalar', dataType: DataType.String, raw, names: null });

const jsonOf = (fields: ReadonlyMap<string, Content>): string => textOf({ kind: 'structure', fields }).text ?? '{}';
