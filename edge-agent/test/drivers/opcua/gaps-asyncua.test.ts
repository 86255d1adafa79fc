/** What was missed while a server that is not node-opcua could not be heard. */
import { join } from 'node:path';
import { qualityName } from '@fieldline/shared/contracts';
import { describeWith, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { plantNode, tagOf, useRigs } from './harness.ts';
import { asyncua, useAsyncua } from './peers/asyncua.ts';
import { startLine } from './peers/cut-line.ts';

const rigFor = useRigs();

describeWith(asyncua, 'a server that is not node-opcua', () => {
  const asyncuaWith = useAsyncua();

  test('killed in an outage and started again, gives from its history what changed before it was killed', async () => {
    const settings = {
      namespaces: ['urn:plant'],
      nodes: [{ ...plantNode('level', 'Double', 0.5), id: 7 }],
      history: join(temporaryFolder(), 'history.db'),
      valuesPerAnswer: 4,
    };
    const first = await asyncuaWith(settings);
    const line = await startLine(first.port);
    onTestFinished(() => line.close());
    const rig = rigFor({
      endpoint: `opc.tcp://127.0.0.1:${line.port}/plant`,
      tags: [tagOf('level', 'float64', 'nsu=urn:plant;i=7')],
    });
    const fromHistory = () => rig.of('level').filter(({ quality }) => qualityName(quality) === 'good/history');
    await rig.sees('level', 0.5);
    const write = async (value: number): Promise<number> => {
      const sourceMicros = Date.now() * 1_000 + value;
      await first.set({ name: 'level', dataType: 'Double', value, sourceMicros });
      return sourceMicros;
    };
    await write(1);
    await rig.sees('level', 1);
    line.takeDown();
    await rig.turns('level', 'bad/not-connected');
    const times: number[] = [];
    for (let value = 2; value <= 12; value++) {
      times.push(await write(value));
      await waitFor(async () => (await first.recorded('level')) === value + 1, { what: `${value} to be recorded` });
    }
    await first.kill();
    await asyncuaWith({ ...settings, port: first.port, nodes: [{ ...plantNode('level', 'Double', 99), id: 7 }] });
    line.restore();
    await rig.sees('level', 99);
    const missed = await waitFor(() => fromHistory().length >= 11 && fromHistory(), {
      what: 'the values of the outage',
    });
    expect(missed.map(({ time }) => time)).toEqual(times);
    expect(missed.map(({ value }) => value)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(rig.declared).toEqual([]);
  });
});
