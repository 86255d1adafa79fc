/** Twenty random breaks under changing values: whatever the server logged as changed is there once, or declared. */
import { waitFor } from '@fieldline/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { plantNode, type Rig, tagOf, useRigs } from './harness.ts';
import { startLine } from './peers/cut-line.ts';
import { startServer } from './peers/node-opcua.ts';

const rigFor = useRigs();
const names = ['recorded', 'unrecorded'] as const;

/** Numbers from 0 to 1, the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const isDeclared = (rig: Rig, tag: string, time: number): boolean =>
  rig.declared.some(
    (each) => each.kind === 'series' && (each.tag ?? tag) === tag && each.from <= time && time <= each.to,
  );

test('every change is there once or declared, in one session', async () => {
  const server = await startServer({
    nodes: names.map((name) => ({ ...plantNode(name, 'Double', 0), isRecorded: name === 'recorded' })),
    transferable: true,
  });
  onTestFinished(() => server.kill());
  const line = await startLine(server.settings.port);
  onTestFinished(() => line.close());
  const tags = names.map((name) => tagOf(name));
  const rig = rigFor({ endpoint: `opc.tcp://127.0.0.1:${line.port}/plant`, tags, samplingMs: 0, queueSize: 1_000 });
  for (const name of names) await rig.sees(name, 0);

  const random = seeded(7);
  const written: { name: string; time: number }[] = [];
  let value = 0;
  let lastMs = 0;
  const write = async (): Promise<void> => {
    await waitFor(() => Date.now() > lastMs, { what: 'the next millisecond' });
    lastMs = Date.now();
    value += 1;
    for (const name of names) {
      await server.ask({ do: 'set', name, dataType: 'Double', value, sourceTimeMs: lastMs });
      written.push({ name, time: lastMs * 1_000 });
    }
  };
  const writeSome = async (): Promise<void> => {
    for (let left = 1 + Math.floor(random() * 5); left > 0; left--) await write();
  };
  const breaks = [
    async () => line.cut(),
    async () => {
      line.lose();
      await writeSome();
      line.cut();
    },
    async () => {
      line.takeDown();
      await writeSome();
      line.restore();
    },
    async () => void (await server.ask({ do: 'close-sessions', keepSubscriptions: true })),
    async () => void (await server.ask({ do: 'close-sessions' })),
  ];
  /** Live data and history come side by side: the newest value need not be what came last. */
  const hears = async (): Promise<void> => {
    for (const name of names)
      await waitFor(() => rig.of(name).some((sample) => sample.value === value), { what: `${name} = ${value}` });
  };
  for (let round = 0; round < 20; round++) {
    await writeSome();
    await breaks[Math.floor(random() * breaks.length)]?.();
    await writeSome();
    // Every other break comes before the one before it is made good.
    if (round % 2 === 1) await hears();
  }
  await hears();

  const timesOf = (tag: string): number[] => rig.of(tag).map(({ time }) => time);
  const isTold = ({ name, time }: (typeof written)[number]): boolean =>
    timesOf(name).includes(time) || isDeclared(rig, name, time);
  const untold = () => written.filter((each) => !isTold(each));
  await waitFor(() => untold().length === 0).catch(() => undefined);
  expect(untold()).toEqual([]);
  const often = written.filter(({ name, time }) => timesOf(name).filter((each) => each === time).length > 1);
  expect(often).toEqual([]);
  // What the server has recorded is never lost.
  expect(written.filter(({ name, time }) => name === 'recorded' && !timesOf(name).includes(time))).toEqual([]);
  await waitFor(async () => (await server.ask({ do: 'sessions' })) === 1, { what: 'one session' });
  expect(await server.ask({ do: 'subscriptions' })).toBe(1);
});
