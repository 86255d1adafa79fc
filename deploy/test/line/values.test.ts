import { GOOD, type Value } from '@fieldline/shared/contracts';
import { startAedes } from '@fieldline/shared/testing';
import { plantPoints } from '@fieldline/simulators';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { passes } from '../../../edge-agent/src/filter/passes.ts';
import { readRows } from './evidence.ts';
import { expectAllStored } from './expect-all-stored.ts';
import { gateway, type Line, startLine } from './line.ts';
import { testPlant } from './plant.ts';

/** The heartbeat falls between two readings, so that a millisecond does not decide. */
const filtered = { deadband: 200, heartbeatMs: 4_250 };

describe('the whole line, embedded', () => {
  let line: Line;
  const closers: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    const broker = await startAedes();
    closers.push(broker.close);
    line = await startLine({
      brokerUrl: broker.url,
      // The second Modbus device once more, with a filter: two views of the same register.
      change: (devices) =>
        devices.flatMap((device) =>
          device.device === 'meter' && device.protocol === 'modbus'
            ? [
                {
                  ...device,
                  tags: [...device.tags, ...device.tags.map((tag) => ({ ...tag, ...filtered, tag: 'power-filtered' }))],
                },
              ]
            : [device],
        ),
    });
    closers.push(line.close);
    await line.flows(1_500);
    await line.settle();
  });
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });

  it('stores every value served once, with value, quality and time, for every type', async () => {
    const rows = await readRows(line.databaseUrl, gateway);
    expect(new Set(rows.map((row) => row.quality))).toEqual(new Set([GOOD]));
    await expectAllStored({ ...line, served: [...line.served, ...servedThroughFilter(line)] });
  });

  it('stores what the seeded signals say, computed again from the plant file', async () => {
    const pointOf = new Map(plantPoints(testPlant()).map((point) => [`${point.device}/${point.name}`, point]));
    const rows = await readRows(line.databaseUrl, gateway);
    const timeOf = new Map(
      line.served.map((served) => [`${served.device}/${served.point}/${String(served.value)}`, served.time]),
    );
    const wrong: { tag: string; value: Value | null; expected: Value }[] = [];
    let checked = 0;
    for (const row of rows) {
      const name = `${row.device}/${row.tag.replace('-filtered', '')}`;
      const point = pointOf.get(name);
      const servedAt = timeOf.get(`${name}/${String(row.value)}`);
      if (point === undefined || servedAt === undefined)
        throw new Error(`${name} = ${String(row.value)} was never served`);
      const expected = point.valueAt(servedAt / 1_000);
      checked += 1;
      if (expected !== row.value) wrong.push({ tag: name, value: row.value, expected });
    }
    expect(wrong).toEqual([]);
    expect(checked).toBeGreaterThan(1_000);
  });

  it('carries OPC UA source times to the row without changing them', async () => {
    const rows = (await readRows(line.databaseUrl, gateway)).filter((row) => row.device === 'line');
    const times = new Set(line.served.filter((served) => served.device === 'line').map((served) => served.time));
    expect(rows.length).toBeGreaterThan(100);
    expect(rows.filter((row) => !times.has(row.time))).toEqual([]);
  });

  it('keeps the balance in the data: read = filtered + samples sent', async () => {
    const streams = await line.query<{ open: number; filtered: number }>(
      'SELECT (read - filtered - samples)::int AS open, filtered::int AS filtered FROM fieldline.stream',
    );
    expect(streams.map(({ open }) => open)).toEqual([0]);
    expect(streams[0]?.filtered).toBeGreaterThan(0);
  });
});

/** What the filter lets through of the values served, by the filter's own pure rule. */
function servedThroughFilter(line: Line): Line['served'] {
  const tag = { device: 'meter', tag: 'power-filtered', type: 'float32' } as const;
  let last: Parameters<typeof passes>[0];
  return line.served
    .filter(({ device, point }) => device === 'meter' && point === 'power')
    .filter(({ time, value }) => {
      const sample = { tag, time, value, quality: GOOD };
      if (!passes(last, sample, filtered)) return false;
      last = sample;
      return true;
    })
    .map((served) => ({ ...served, point: 'power-filtered' }));
}
