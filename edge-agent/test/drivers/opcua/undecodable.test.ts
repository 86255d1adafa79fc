/** Answers that nobody can decode, of a server whose other answers are well. */
import { waitFor } from '@fieldline/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { plantNode, tagOf, useRigs } from './harness.ts';
import { useNodeOpcua } from './peers/node-opcua.ts';
import { type Spoils, startSpoilingLine } from './peers/spoiling-line.ts';

const rigFor = useRigs();
const serverWith = useNodeOpcua();

const odd = 666.25;
const marker = Buffer.alloc(8);
marker.writeDoubleLE(odd);

async function behindLine(spoils: Omit<Spoils, 'marker'>) {
  const server = await serverWith({ nodes: [plantNode('level', 'Double', 0), plantNode('other', 'Double', 0)] });
  const line = await startSpoilingLine(server.settings.port, { marker, ...spoils });
  onTestFinished(() => line.close());
  const rig = rigFor({
    endpoint: `opc.tcp://127.0.0.1:${line.port}/plant`,
    tags: [tagOf('level'), tagOf('other')],
    history: 'off',
    timeoutMs: 2_000,
  });
  await rig.sees('level', 0);
  await rig.sees('other', 0);
  const set = (value: number, name = 'level') =>
    server.ask({ do: 'set', name, dataType: 'Double', value, sourceTimeMs: Date.now() });
  const valuesOf = (tag: string): unknown[] => rig.of(tag).flatMap(({ value }) => value ?? []);
  return { rig, line, set, valuesOf };
}

describe('a publish response that cannot be decoded', () => {
  test.each(['values', 'all'] as const)(
    '(%s) is asked for again, and nothing is lost where it is well then',
    async (what) => {
      const { rig, line, set, valuesOf } = await behindLine({ answers: ['publish'], what });
      for (const value of [1, odd, 2]) {
        const before = valuesOf('level').length + line.spoilt();
        await set(value);
        await waitFor(() => valuesOf('level').length + line.spoilt() > before, { what: `${value} to be on its way` });
      }
      await rig.sees('level', 2);
      expect(valuesOf('level')).toEqual([0, 1, odd, 2]);
      expect(line.spoilt()).toBe(1);
      expect(rig.declared).toEqual([]);
      expect(await rig.metric('fieldline_opcua_republished_total')).toBe(1);
    },
  );

  test.each(['values', 'all'] as const)(
    '(%s) each time that it is asked for is declared, and what comes after it goes on',
    async (what) => {
      const { rig, line, set, valuesOf } = await behindLine({ answers: ['publish', 'republish'], what });
      const from = Date.now() * 1_000;
      await set(odd);
      await waitFor(() => line.spoilt() > 0, { what: 'the answer to be spoilt' });
      await set(1);
      await set(5, 'other');
      await rig.sees('level', 1);
      await rig.sees('other', 5);
      expect(valuesOf('level')).toEqual([0, 1]);
      const ofLevel = () =>
        rig.declared.filter(
          (each) =>
            each.kind === 'series' &&
            each.tag !== 'other' &&
            each.reason === 'outage' &&
            each.from <= from &&
            each.to >= from,
        );
      await waitFor(() => ofLevel().length > 0, { what: 'a declaration' });
      expect(await rig.metric('fieldline_opcua_missing_messages_total')).toBe(1);
      expect(await rig.metric('fieldline_opcua_connects_total')).toBe(1);
      await set(2);
      await rig.sees('level', 2);
      expect(ofLevel()).toHaveLength(1);
    },
  );
});
