/** asyncua throws away the oldest values of a queue that is full, and does not say so. */
import { join } from 'node:path';
import { describeWith, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { plantNode, tagOf, useRigs } from './harness.ts';
import { asyncua, useAsyncua } from './peers/asyncua.ts';
import { startLine } from './peers/cut-line.ts';

const rigFor = useRigs();
const serverWith = useAsyncua();

/** 30 changes while the line is down, of which the server keeps a few; then the subscription goes on. */
async function resumed(history?: string) {
  const nodes = [
    { ...plantNode('level', 'Double', 1), value: 1, id: 7 },
    { ...plantNode('steady', 'Double', 1), value: 1, id: 8 },
  ];
  const server = await serverWith({ namespaces: ['urn:plant'], nodes, ...(history === undefined ? {} : { history }) });
  const line = await startLine(server.port);
  onTestFinished(line.close);
  const tags = nodes.map(({ name, id }) => tagOf(name, 'float64', `nsu=urn:plant;i=${id}`));
  const rig = rigFor({ endpoint: `opc.tcp://127.0.0.1:${line.port}/plant`, tags });
  for (const { tag } of tags) await rig.sees(tag, 1);
  line.takeDown();
  await rig.turns('level', 'bad/not-connected');
  const written: { readonly value: number; readonly time: number }[] = [];
  for (let value = 2; value <= 31; value++) {
    // As fast as the device samples: the server would throw away values of a burst in any case.
    await waitFor(() => Date.now() * 1_000 > (written.at(-1)?.time ?? 0) + 20_000, { what: 'the next change' });
    const time = Date.now() * 1_000 + value;
    written.push({ value, time });
    await server.set({ name: 'level', dataType: 'Double', value, sourceMicros: time });
    if (history !== undefined)
      await waitFor(async () => (await server.recorded('level')) >= value, { what: `${value} to be recorded` });
  }
  line.restore();
  await waitFor(() => rig.of('level').some(({ value }) => value === 31), { what: 'the last value' });
  await rig.turns('steady', 'good');
  return { rig, written };
}

describeWith(asyncua, 'a subscription that goes on, and gives as many values as the server keeps', () => {
  test('may have lost those before them: without history they are declared', async () => {
    const { rig, written } = await resumed();
    expect(await rig.metric('fieldline_opcua_resumes_total')).toBe(1);
    await waitFor(() => rig.declared.length > 0, { what: 'a declaration', timeoutMs: 15_000 });
    expect(rig.declared).toMatchObject([{ kind: 'series', tag: 'level', reason: 'outage' }]);
    const [loss] = rig.declared;
    if (loss?.kind !== 'series') throw new Error('no span');
    const missing = written.filter(({ time }) => !rig.of('level').some((sample) => sample.time === time));
    expect(missing.length).toBeGreaterThan(10);
    for (const { time } of missing) expect(loss.from <= time && time < loss.to).toBe(true);
  });

  test('may have lost those before them: what the server has recorded is read, each once', async () => {
    const { rig, written } = await resumed(join(temporaryFolder(), 'history.db'));
    const countOf = (time: number): number => rig.of('level').filter((sample) => sample.time === time).length;
    await waitFor(() => written.every(({ time }) => countOf(time) > 0), { what: 'all values' });
    expect(written.map(({ time }) => countOf(time))).toEqual(written.map(() => 1));
    expect(rig.declared).toEqual([]);
  });
});
