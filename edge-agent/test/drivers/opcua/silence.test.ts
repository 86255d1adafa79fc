import { join } from 'node:path';
import { qualityName } from '@fieldline/shared/contracts';
import { describeWith, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { plantNode, tagOf, useRigs } from './harness.ts';
import { asyncua, useAsyncua } from './peers/asyncua.ts';

const rigFor = useRigs();
const serverWith = useAsyncua();

const level = plantNode('level', 'Double', 1);
const nowMicros = (): number => Date.now() * 1_000;
const started = () => serverWith({ namespaces: ['urn:plant'], nodes: [level] });

describeWith(asyncua, 'an item of which the server says nothing', () => {
  test('has died where its node was deleted: it is bad, and good when the node is there again', async () => {
    const server = await started();
    const rig = rigFor({ endpoint: server.endpoint, silentMs: 100, tags: [tagOf('level')] });
    await rig.sees('level', 1);
    await server.delete('level');
    await rig.turns('level', 'bad/address');
    await server.add({ ...level, value: 2 });
    await rig.sees('level', 2);
    await server.set({ name: 'level', dataType: 'Double', value: 3, sourceMicros: nowMicros() });
    await rig.sees('level', 3);
    expect(rig.of('level').map(({ quality }) => qualityName(quality))).toEqual(['good', 'bad/address', 'good', 'good']);
  });

  test('has died where its value is another one than was reported, and is made anew', async () => {
    const server = await started();
    const rig = rigFor({ endpoint: server.endpoint, silentMs: 2_000, tags: [tagOf('level')] });
    await rig.sees('level', 1);
    await server.delete('level');
    await server.add(level);
    await server.set({ name: 'level', dataType: 'Double', value: 3, sourceMicros: nowMicros() });
    await rig.sees('level', 3);
    await server.set({ name: 'level', dataType: 'Double', value: 4, sourceMicros: nowMicros() });
    await rig.sees('level', 4);
    expect(await rig.metric('fieldline_opcua_renewed_items_total')).toBe(1);
    expect(rig.of('level').map(({ value }) => value)).toEqual([1, 3, 4]);
    const [first, found] = rig.of('level');
    await waitFor(() => rig.declared.length > 0, { what: 'a declaration' });
    expect(rig.declared).toMatchObject([{ reason: 'outage', from: first?.time, to: found?.time }]);
  });

  test('has a gap since its last report, which is filled from the history that the server has', async () => {
    const node = { ...level, id: 7 };
    const history = join(temporaryFolder(), 'history.db');
    const server = await serverWith({ namespaces: ['urn:plant'], nodes: [node], history });
    const tags = [tagOf('level', 'float64', 'nsu=urn:plant;i=7')];
    const rig = rigFor({ endpoint: server.endpoint, silentMs: 2_000, tags });
    await rig.sees('level', 1);
    await server.delete('level');
    await server.add(node);
    for (const value of [2, 3]) {
      const before = await server.recorded('level');
      await server.set({ name: 'level', dataType: 'Double', value, sourceMicros: nowMicros() });
      await waitFor(async () => (await server.recorded('level')) > before, { what: `${value} to be recorded` });
    }
    await waitFor(() => rig.of('level').some(({ value }) => value === 2), { what: 'the value that was not reported' });
    const said = rig.of('level').flatMap(({ value, quality }) => (value === 1 ? [] : [[value, qualityName(quality)]]));
    expect(said).toEqual([
      [3, 'good'],
      [2, 'good/history'],
    ]);
    expect(rig.declared).toEqual([]);
  });

  test('lives where its value is the same: nothing is said of it, and it is left alone', async () => {
    const server = await started();
    const rig = rigFor({ endpoint: server.endpoint, silentMs: 50, tags: [tagOf('level')] });
    await rig.sees('level', 1);
    await waitFor(async () => (await rig.metric('fieldline_opcua_silent_reads_total')) >= 5, { what: 'five reads' });
    expect(rig.of('level')).toHaveLength(1);
    expect(await rig.metric('fieldline_opcua_renewed_items_total')).toBe(0);
  });

  test('is said again as often as its heartbeat wants it, at times that rise', async () => {
    const server = await started();
    const rig = rigFor({ endpoint: server.endpoint, tags: [{ ...tagOf('level'), heartbeatMs: 100 }] });
    await waitFor(() => rig.of('level').length >= 4, { what: 'three heartbeats' });
    const beats = rig.of('level').slice(1, 4);
    expect(beats.map(({ value, quality }) => [value, quality])).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
    const [first, , third] = beats.map(({ time }) => time);
    expect((third ?? 0) - (first ?? 0)).toBeGreaterThan(150_000);
    // One that came a hair too soon would be held back by the filter, and the next would be late by a whole beat.
    await waitFor(() => rig.of('level').length >= 40, { what: 'many heartbeats' });
    const times = rig.of('level').map(({ time }) => time);
    const early = times.filter((time, position) => position > 0 && time - (times[position - 1] ?? 0) < 100_000);
    expect(early).toEqual([]);
  });

  test('is stale when its source time is too old, until the server has a younger one', async () => {
    const server = await started();
    await server.set({ name: 'level', dataType: 'Double', value: 1, sourceMicros: nowMicros() - 60_000_000 });
    const rig = rigFor({ endpoint: server.endpoint, tags: [{ ...tagOf('level'), staleAfterMs: 1_000 }] });
    await rig.turns('level', 'bad/stale');
    expect(rig.driver.status()[0]?.trouble).toBe(
      '1 of 1 tags stale, first level: the server has not refreshed it for more than 1000 ms',
    );
    await server.set({ name: 'level', dataType: 'Double', value: 2, sourceMicros: nowMicros() });
    await rig.sees('level', 2);
    expect(rig.driver.status()[0]?.trouble).toBeNull();
  });
});
