import { qualityName } from '@fieldline/shared/contracts';
import { coerceNodeId, DataType, LocalizedText, Variant } from 'node-opcua';
import { expect, test } from 'vitest';
import { planEvents } from '../../../src/drivers/opcua/events/event-filter.ts';
import { createEventTaker, type EventTaker } from '../../../src/drivers/opcua/events/events.ts';
import { noTypes } from '../../../src/drivers/opcua/values/content.ts';

const atMs = 1_770_000_000_000;
const micros = atMs * 1_000;
const types = {
  alarm: 'i=2915',
  refreshStart: 'i=2787',
  refreshEnd: 'i=2788',
  refreshRequired: 'i=2789',
  overflow: 'i=3035',
};

type Said = {
  type?: keyof typeof types;
  id?: string;
  message?: string;
  severity?: number;
  condition?: string;
  branch?: string;
  ms?: number;
};

/** As they are selected: what a sample is made of by itself, then the message. */
function eventOf({
  type = 'alarm',
  id = 'a',
  message = 'hot',
  severity = 700,
  condition,
  branch,
  ms = 0,
}: Said): Variant[] {
  const nothing = new Variant({ dataType: DataType.Null });
  const nodeOf = (text: string | undefined): Variant =>
    text === undefined ? nothing : new Variant({ dataType: DataType.NodeId, value: coerceNodeId(text) });
  return [
    new Variant({ dataType: DataType.ByteString, value: Buffer.from(id) }),
    new Variant({ dataType: DataType.NodeId, value: coerceNodeId(types[type]) }),
    new Variant({ dataType: DataType.DateTime, value: new Date(atMs + ms) }),
    new Variant({ dataType: DataType.UInt16, value: severity }),
    nodeOf(condition),
    nodeOf(branch ?? (condition === undefined ? undefined : 'i=0')),
    new Variant({ dataType: DataType.Boolean, value: condition !== undefined }),
    new Variant({ dataType: DataType.LocalizedText, value: new LocalizedText(message) }),
  ];
}

function taker(minSeverity = 1, recalled: Parameters<EventTaker['recall']> = [0, []]) {
  const plan = planEvents({ type: 'i=2041', fields: ['Message'], minSeverity, queueSize: 10 });
  const { take, recall } = createEventTaker({ device: 'd', tag: 't', type: 'string' }, plan);
  recall(...recalled);
  return (said: Said) => {
    const { samples, ...rest } = take(eventOf(said), micros, noTypes);
    const seen = samples.map(({ time, value, quality }) => [
      time - micros,
      JSON.parse(String(value)).Message,
      qualityName(quality),
    ]);
    return { samples: seen, ...rest };
  };
}

test('an event is said once by its id, and each has a time of its own', () => {
  const take = taker();
  expect(take({ id: 'a' }).samples).toEqual([[0, 'hot', 'good']]);
  expect(take({ id: 'a' })).toMatchObject({ samples: [], isRepeated: true });
  expect(take({ id: 'b' }).samples).toEqual([[1, 'hot', 'good']]);
  expect(take({ id: 'c' }).samples).toEqual([[2, 'hot', 'good']]);
});

test('one below the severity is not taken, also where the server sends it', () => {
  expect(taker(800)({ severity: 700 })).toMatchObject({ samples: [], isRepeated: false });
});

test('an overflow at the server is a loss since the last event', () => {
  const take = taker();
  take({ ms: 5 });
  expect(take({ type: 'overflow', ms: 9 })).toMatchObject({
    samples: [],
    lost: { from: micros + 5_000, to: micros + 9_000 },
  });
});

test('a refresh says nothing again, also under other ids, and ends what it does not bring', () => {
  const take = taker();
  take({ id: 'a', condition: 'ns=1;s=pump' });
  take({ id: 'b', condition: 'ns=1;s=valve', message: 'stuck', ms: 1 });
  expect(take({ type: 'refreshStart' }).samples).toEqual([]);
  expect(take({ id: 'other', condition: 'ns=1;s=pump' })).toMatchObject({ samples: [], isRepeated: true });
  expect(take({ id: 'new', condition: 'ns=1;s=tank', message: 'full', ms: 2 }).samples).toEqual([
    [2_000, 'full', 'good'],
  ]);
  expect(take({ type: 'refreshEnd', ms: 3 }).samples).toEqual([[3_000, 'stuck', 'uncertain/substituted']]);
  expect(take({ type: 'refreshEnd', ms: 4 }).samples).toEqual([]);
});

test('what the journal has of a condition is not said again, also where its time was moved; a branch is one of its own', () => {
  const textOf = (id: string, message: string) =>
    `{"EventId":"${id}","EventType":"AlarmConditionType","ConditionId":"ns=1;s=${id}","Retain":true,"Message":"${message}"}`;
  const standing = ['pump', 'valve', 'tank'].map((id, moved) => ({ time: micros + moved, text: textOf(id, 'hot') }));
  const take = taker(1, [micros + 2, standing]);
  take({ type: 'refreshStart' });
  expect(take({ id: 'a', condition: 'ns=1;s=pump' })).toMatchObject({ samples: [], isRepeated: true });
  expect(take({ id: 'b', condition: 'ns=1;s=valve' })).toMatchObject({ samples: [], isRepeated: true });
  expect(take({ id: 'c', condition: 'ns=1;s=tank', message: 'hotter' }).samples).toEqual([[3, 'hotter', 'good']]);
  expect(take({ id: 'd', condition: 'ns=1;s=pump', branch: 'ns=1;s=before' }).samples).toEqual([[4, 'hot', 'good']]);
  expect(take({ type: 'refreshEnd', ms: 3 }).samples).toEqual([]);
  take({ type: 'refreshStart' });
  expect(take({ id: 'e', condition: 'ns=1;s=valve', ms: 1 }).samples).toEqual([[1_000, 'hot', 'good']]);
});

test('a server that wants to be asked again is heard', () => {
  expect(taker()({ type: 'refreshRequired' }).wantsRefresh).toBe(true);
});
