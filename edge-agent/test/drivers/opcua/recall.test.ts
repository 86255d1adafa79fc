/** What a start makes of the samples and notes that the run before it has left: each time is read on, goes on, or is declared. */
import { opcuaDeviceSchema } from '@fieldline/shared/config';
import { qualityCode, type Sample } from '@fieldline/shared/contracts';
import { describe, expect, test } from 'vitest';
import type { LastKept } from '../../../src/drivers/driver.ts';
import type { GapNote } from '../../../src/drivers/opcua/history/gap-notes.ts';
import { recallDevice } from '../../../src/drivers/opcua/history/recall.ts';
import { planEndpoints } from '../../../src/drivers/opcua/plan.ts';

const second = 1_000_000;
const noon = 1_790_000_000 * second;
const at = (seconds: number): number => noon + seconds * second;
const good = (seconds: number, late: number | null = null): LastKept => ({
  time: at(seconds),
  value: 1,
  quality: 0,
  bad: null,
  late: late === null ? null : at(late),
});
const badAfter = (last: LastKept, seconds: number, quality: Parameters<typeof qualityCode>[0]): LastKept => ({
  ...last,
  bad: { time: at(seconds), quality: qualityCode(quality) },
});
const note = (from: number, to: number | null, more: Partial<GapNote> = {}): GapNote => ({
  device: 'd',
  tags: ['a'],
  from: at(from),
  to: to === null ? null : at(to),
  oursFrom: at(from),
  isLost: false,
  ...more,
});

/** The device has the tags a and b of two nodes; the agent starts at 100 s. */
function recalled(kept: Record<string, LastKept>, notes: readonly GapNote[] = [], settings: object = {}) {
  const device = opcuaDeviceSchema.parse({
    device: 'd',
    protocol: 'opcua',
    endpoint: 'opc.tcp://plc:4840',
    samplingMs: 100,
    publishingMs: 400,
    tags: ['a', 'b'].map((tag, position) => ({ tag, node: `i=${position + 1}` })),
    ...settings,
  });
  const [plan] = planEndpoints([device]).flatMap(({ subscriptions }) => subscriptions);
  if (plan === undefined) throw new Error('no subscription planned');
  const { gaps, lost, lostNotes } = recallDevice(plan, {
    lastKept: ({ tag }: Sample['tag']) => kept[tag] ?? null,
    standing: () => [],
    startedAt: at(100),
    notes: new Map(notes.map((each, position) => [position + 1, each])),
  });
  const since = (time: number): number => (time - noon) / second;
  return {
    open: plan.items.map(({ gap }) => gap && [since(gap.from), since(gap.oursFrom), gap.note]),
    gaps: gaps.map(({ item, from, to, note: id }) => [item.tag.tag, since(from), since(to), id]),
    lost: lost.map(({ tags, from, to }) => [tags, since(from), since(to)]),
    lostNotes,
    items: plan.items,
  };
}

describe('without notes', () => {
  test('a tag may miss values since its last one, and nobody has told of those since the device was heard last', () => {
    expect(recalled({ a: good(10), b: good(50) }).open).toEqual([
      [10, 50, null],
      [50, 50, null],
    ]);
  });

  test('a sample of a time to come proves nothing: then it is since the start', () => {
    expect(recalled({ a: good(10), b: good(5_000) }).open[0]).toEqual([10, 100, null]);
  });

  test('the mark of a lost connection says until when the server was heard; what was not sampled by then is missing', () => {
    const bad = (last: number) => badAfter(good(last), 60, 'bad/not-connected');
    expect(recalled({ a: bad(10), b: bad(59.9) }).open).toEqual([
      [59, 59, null],
      [59.9, 59.9, null],
    ]);
  });

  test('a tag of which the journal has nothing misses nothing, nor does one that is read', () => {
    expect(recalled({ a: good(10) }).open[1]).toBeNull();
    expect(recalled({ a: good(10) }, [], { acquire: 'read' }).open).toEqual([null, null]);
  });

  test('events may be missing since the device was heard last, also where there never was one', () => {
    const tags = [
      { tag: 'a', node: 'i=1' },
      { tag: 'b', node: 'i=2253', type: 'string', events: {} },
    ];
    expect(recalled({ a: good(10) }, [], { tags }).open[1]).toEqual([10, 10, null]);
  });
});

describe('a time that was noted', () => {
  test('is read on after what the journal has of it', () => {
    expect(recalled({ a: good(50) }, [note(20, 40)]).gaps).toEqual([['a', 20, 40, 1]]);
    expect(recalled({ a: good(50, 30) }, [note(20, 40)]).gaps).toEqual([['a', 30, 40, 1]]);
    expect(recalled({ a: good(50, 10) }, [note(20, 40)]).gaps).toEqual([['a', 20, 40, 1]]);
    // The report that ended it was bad: so the last one with a value is of the history.
    expect(recalled({ a: badAfter(good(30), 40, 'bad/device') }, [note(20, 40)]).gaps).toEqual([['a', 30, 40, 1]]);
  });

  test('goes on where the journal does not have the report that ended it', () => {
    const { gaps, open, lost } = recalled({ a: good(20), b: good(50) }, [note(20, 40)]);
    expect([gaps, open[0], lost]).toEqual([[], [20, 20, 1], []]);
  });

  test('goes on where no report has ended it, whatever was said by ourselves meanwhile', () => {
    const { open } = recalled({ a: badAfter(good(10), 60, 'bad/address') }, [note(20, null)]);
    expect(open[0]).toEqual([20, 20, 1]);
  });

  test('as lost is declared', () => {
    const { lost, lostNotes } = recalled({ a: good(50) }, [note(20, 40, { isLost: true })]);
    expect([lost, lostNotes]).toEqual([[[['a'], 20, 40]], [1]]);
  });

  test('of a tag that the settings or the journal know no more is declared, that of another device left alone', () => {
    const { lost, lostNotes } = recalled({ b: good(50) }, [
      note(20, 40, { tags: ['gone'] }),
      note(21, null),
      note(22, 40, { device: 'other' }),
    ]);
    expect(lost).toEqual([
      [['gone'], 20, 40],
      [['a'], 21, 100],
    ]);
    expect(lostNotes).toEqual([1, 2]);
  });

  test('of tags that share a node is read on for each of them after what the journal has of that', () => {
    const tags = ['a', 'b', 'c'].map((tag) => ({ tag, node: 'i=1' }));
    const noted = note(20, 40, { tags: ['a', 'b', 'c'] });
    const { gaps, lost, items } = recalled({ a: good(50, 30), b: good(50, 35) }, [noted], { tags });
    expect(gaps).toEqual([['a', 30, 40, 1]]);
    expect(lost).toEqual([[['c'], 20, 40]]);
    expect(items).toHaveLength(1);
  });
});
