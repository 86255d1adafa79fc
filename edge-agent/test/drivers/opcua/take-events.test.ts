import { coerceNodeId, DataType, EventFieldList, Variant } from 'node-opcua';
import { expect, test } from 'vitest';
import { planEvents } from '../../../src/drivers/opcua/events/event-filter.ts';
import { createEventTaker } from '../../../src/drivers/opcua/events/events.ts';
import { takeEvents } from '../../../src/drivers/opcua/events/take-events.ts';
import { createItem } from '../../../src/drivers/opcua/items/item.ts';
import { parseNodeName } from '../../../src/drivers/opcua/nodes/node-id.ts';

const atMs = 1_770_000_000_000;
const itemOf = (tag: string) => {
  const stated = { device: 'd', tag, type: 'string' } as const;
  const plan = planEvents({ type: 'i=2041', fields: [], queueSize: 10 });
  return createItem(stated, parseNodeName('i=2253'), 0, { events: createEventTaker(stated, plan) });
};
const baseEvent = 2041;
const overflow = 3035;
const eventOf = (clientHandle: number, type: number, ms: number): EventFieldList =>
  new EventFieldList({
    clientHandle,
    eventFields: [
      new Variant({ dataType: DataType.ByteString, value: Buffer.from(`${clientHandle} ${ms}`) }),
      new Variant({ dataType: DataType.NodeId, value: coerceNodeId(type, 0) }),
      new Variant({ dataType: DataType.DateTime, value: new Date(atMs + ms) }),
    ],
  });

test('a queue that overflowed has lost what is older than the next event of the same tag', () => {
  const items = [itemOf('one'), itemOf('other')];
  const events = [
    eventOf(0, baseEvent, 1),
    eventOf(0, overflow, 5),
    eventOf(1, baseEvent, 6),
    eventOf(0, baseEvent, 9),
  ];
  const { lost, samples } = takeEvents(items, events, atMs * 1_000, () => 10);
  expect(samples).toHaveLength(3);
  expect(lost).toMatchObject([{ tag: { tag: 'one' }, span: { from: (atMs + 1) * 1_000, to: (atMs + 9) * 1_000 } }]);
});

test('where none follows, up to when it said so', () => {
  const { lost } = takeEvents(
    [itemOf('one')],
    [eventOf(0, baseEvent, 1), eventOf(0, overflow, 5)],
    atMs * 1_000,
    () => 10,
  );
  expect(lost).toMatchObject([{ span: { from: (atMs + 1) * 1_000, to: (atMs + 5) * 1_000 } }]);
});

test('as many events as the server keeps may have had others before them, though it does not say so', () => {
  const items = [itemOf('one')];
  const take = (...ms: number[]) =>
    takeEvents(
      items,
      ms.map((each) => eventOf(0, baseEvent, each)),
      atMs * 1_000,
      () => 3,
    ).lost;
  expect(take(1, 2)).toEqual([]);
  expect(take(5, 6, 7)).toMatchObject([{ span: { from: (atMs + 2) * 1_000, to: (atMs + 5) * 1_000 } }]);
});
