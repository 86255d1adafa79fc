/** A counter of open62541 through cuts, outages and restarts: each of its numbers is there once, or declared. */
import { qualityName, type Sample } from '@fieldline/shared/contracts';
import { describeWith, waitFor } from '@fieldline/shared/testing';
import { afterEach, expect, test } from 'vitest';
import { type Rig, tagOf, trouble } from './harness.ts';
import { type Line, startLine } from './peers/cut-line.ts';
import { type Open62541Server, open62541, useOpen62541 } from './peers/open62541.ts';

const { serverWith, trusting } = useOpen62541();
const lines: Line[] = [];
afterEach(() => {
  for (const line of lines.splice(0)) line.close();
});

async function lineTo({ port }: Open62541Server): Promise<Line> {
  const line = await startLine(port);
  lines.push(line);
  return line;
}

/** Every change is reported, and none is more than its queue holds. */
const counter = { tags: [tagOf('counter')], samplingMs: 0, queueSize: 1_000 };
const throughLine = (server: Open62541Server, { port }: Line): Promise<Rig> =>
  trusting(server, { endpoint: `opc.tcp://127.0.0.1:${port}`, ...counter });

/** What was said last is said again right after a time in which the server could not be heard. */
const isSaidAgain = ({ time }: Sample, before: Sample | undefined): boolean =>
  before?.value === null && time === before.time + 1;
const numbersOf = (rig: Rig): number[] =>
  rig
    .of('counter')
    .flatMap((sample, position, all) =>
      sample.value === null || isSaidAgain(sample, all[position - 1]) ? [] : Number(sample.value),
    );
const fromHistory = (rig: Rig): Sample[] =>
  rig.of('counter').filter(({ quality }) => qualityName(quality) === 'good/history');

async function countsOn(rig: Rig, numbers = 10): Promise<void> {
  const last = Math.max(0, ...numbersOf(rig));
  await waitFor(() => numbersOf(rig).some((number) => number > last + numbers), { what: `${numbers} more numbers` });
}

/** Every number from the first to the last, once. */
function expectEachOnce(rig: Rig): void {
  const numbers = numbersOf(rig).toSorted((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, position) => (numbers[0] ?? 0) + position));
}

/** Until the server has forgotten the session. What it counts meanwhile fills more than one answer of its history. */
async function away(line: Line, rig: Rig): Promise<void> {
  line.takeDown();
  const downAtMs = performance.now();
  await rig.turns('counter', 'bad/not-connected');
  await waitFor(() => performance.now() - downAtMs > 2_500, { what: 'the end of the session' });
  line.restore();
  await countsOn(rig);
}

describeWith(open62541, 'a counter of open62541', () => {
  test('goes on where a cut line left off: the session is taken over, and no number is missing or comes twice', async () => {
    const server = await serverWith();
    const line = await lineTo(server);
    const rig = await throughLine(server, line);
    for (let round = 1; round <= 3; round++) {
      await countsOn(rig);
      line.cut();
      await waitFor(async () => (await rig.metric('fieldline_opcua_resumes_total')) === round, {
        what: 'a resumption',
      });
    }
    await countsOn(rig);
    expectEachOnce(rig);
    expect(rig.declared).toEqual([]);
    expect(await rig.metric('fieldline_opcua_abandoned_sessions_total')).toBe(0);
  });

  test('goes on while the keys of the channel are renewed', async () => {
    const rig = await trusting(await serverWith({ keysMs: 1_000 }), counter);
    await countsOn(rig, 150);
    expectEachOnce(rig);
    expect(await rig.metric('fieldline_opcua_connects_total')).toBe(1);
  });

  test('goes on after so long that the session is gone: the subscription is transferred, and no number is missing', async () => {
    const server = await serverWith({ sessionMs: 500 });
    const line = await lineTo(server);
    const rig = await throughLine(server, line);
    await countsOn(rig);
    await away(line, rig);
    expect(await rig.metric('fieldline_opcua_transfers_total')).toBe(1);
    expectEachOnce(rig);
    expect(fromHistory(rig)).toEqual([]);
    expect(rig.declared).toEqual([]);
  });

  test('is read from the history, answer by answer, where the server refuses the transfer: no number is missing', async () => {
    const server = await serverWith({ sessionMs: 500, transfers: false });
    const line = await lineTo(server);
    const rig = await throughLine(server, line);
    await countsOn(rig);
    await away(line, rig);
    // Of two and a half seconds, in three answers.
    await waitFor(() => fromHistory(rig).length > 110, { what: 'the values of the history' });
    expect(await rig.metric('fieldline_opcua_transfers_total')).toBe(0);
    await countsOn(rig);
    expectEachOnce(rig);
    expect(rig.declared).toEqual([]);
  });

  test('overflows a queue of five: what was thrown away is declared, and what came is good', async () => {
    const rig = await trusting(await serverWith(), { ...counter, publishingMs: 400, queueSize: 5 });
    await waitFor(() => rig.declared.length > 1, { what: 'declarations of loss' });
    expect(rig.declared[0]).toMatchObject({ kind: 'series', tag: 'counter', reason: 'source-overflow' });
    const counted = rig.of('counter').filter(({ value }) => value !== null);
    expect(counted.every(({ quality }) => quality === 0)).toBe(true);
    const declared = rig.declared.flatMap((each) => (each.kind === 'series' ? each : []));
    const lastDeclared = Math.max(...declared.map(({ to }) => to));
    const holes = counted.flatMap(({ time, value }, position) => {
      const before = counted[position - 1];
      const isHole = before !== undefined && Number(value) !== Number(before.value) + 1 && time <= lastDeclared;
      return isHole ? [{ from: before.time, to: time }] : [];
    });
    expect(holes.length).toBeGreaterThan(1);
    expect(holes.filter(({ from, to }) => !declared.some((each) => each.from <= from && each.to >= to))).toEqual([]);
  });

  test('of a server that was killed and is back with its namespaces in another order begins anew, and the outage is declared', async () => {
    const tags = [tagOf('value0'), ...counter.tags];
    const first = await serverWith({ namespaces: ['urn:plant', 'urn:other'] });
    const rig = await trusting(first, { ...counter, tags });
    await first.tell('set value0 1.5');
    await rig.sees('value0', 1.5);
    await first.kill();
    for (const { tag } of tags) await rig.turns(tag, 'bad/not-connected');
    const second = await serverWith({ port: first.port, namespaces: ['urn:other', 'urn:plant'] });
    await trouble(rig, /on the server, trust/);
    await second.tell('trust');
    await second.tell('set value0 2.5');
    await rig.sees('value0', 2.5);
    // The node of this name in the other namespace has 99.
    expect(rig.of('value0').map(({ value }) => value)).not.toContain(99);
    await waitFor(() => rig.declared.length > 0, { what: 'a declaration', timeoutMs: 10_000 });
    expect(rig.declared[0]).toMatchObject({ kind: 'series', device: 'server1', reason: 'outage' });
  });
});
