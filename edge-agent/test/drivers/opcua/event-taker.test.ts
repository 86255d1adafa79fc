import { qualityName } from '@fieldline/shared/contracts';
import { coerceNodeId, DataType, LocalizedText, Variant } from 'node-opcua';
import { expect, test } from 'vitest';
import { planEvents } from '../../../src/drivers/opcua/events/event-filter.ts';
import { createEventTaker } from '../../../src/drivers/opcua/events/events.ts';
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
  ms?: number;
};

/** As they are selected: what a sample is made of by itself, then the message. */
function eventOf({ type = 'alarm', id = 'a', message = 'hot', severity = 700, condition, ms = 0 }: Said): Variant[] {
  const nothing = new Variant({ dataType: DataType.Null });
  const node =
    condition === undefined ? nothing : new Variant({ dataType: DataType.NodeId, value: coerceNodeId(condition) });
  return [
    new Variant({ dataType: DataType.ByteString, value: Buffer.from(id) }),
    new Variant({ dataType: DataType.NodeId, value: coerceNodeId(types[type]) }),
    new Variant({ dataType: DataType.DateTime, value: new Date(atMs + ms) }),
    new Variant({ dataType: DataType.UInt16, value: severity }),
    node,
    nothing,
    new Variant({ dataType: DataType.Boolean, value: condition !== undefined }),
    new Variant({ dataType: DataType.LocalizedText, value: new LocalizedText(message) }),
  ];
}

function taker(minSeverity = 1) {
  const plan = planEvents({ type: 'i=2041', fields: ['Message'], minSeverity, queueSize: 10 });
  const { take } = createEventTaker({ device: 'd', tag: 't', type: 'string' }, plan);
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

test('a server that wants to be asked again is heard', () => {
  expect(taker()({ type: 'refreshRequired' }).wantsRefresh).toBe(true);
});
