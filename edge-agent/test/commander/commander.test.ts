/** What a commander does by itself. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AnswerMessage, Tag } from '@fieldline/shared/contracts';
import { waitFor } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import { maxHeld } from '../../src/commander/held-answers.ts';
import { maxUnsent } from '../../src/commander/outbox.ts';
import { smallDisk } from '../helpers/small-disk.ts';
import { newFile, startCommander, tags } from './rig.ts';

test('nothing is written while the clock is not set, and a copy is refused as the first when it is', async () => {
  const { time, send, outcomes, answers, values } = startCommander();
  time.isClockSet = false;
  send('early');
  await waitFor(() => answers.length === 1);
  time.isClockSet = true;
  send('early');
  await waitFor(() => answers.length === 2);
  expect(outcomes()).toEqual(['early clock-not-set', 'early clock-not-set']);
  expect(values.size).toBe(0);
});

test('what expires while it waits for its device is not written', async () => {
  const { time, send, outcomes, values, release } = startCommander({ isHeld: true });
  send('late');
  time.now += 2_000_000;
  release();
  await waitFor(() => outcomes().length === 1);
  expect(outcomes()).toEqual(['late expired']);
  expect(values.size).toBe(0);
});

test('devices do not wait for each other, and what is too much is refused', async () => {
  const { send, outcomes, release } = startCommander({ isHeld: true, settings: { maxWaiting: 3 } });
  for (const name of ['a', 'b', 'c', 'd']) send(name, { device: `plc-${name}`, tag: name });
  await waitFor(() => outcomes().length === 1);
  expect(outcomes()).toEqual(['d busy']);
  release();
  await waitFor(() => outcomes().length === 4);
  expect(outcomes().slice(1).sort()).toEqual(['a written', 'b written', 'c written']);
});

test('answers that were made without a session are sent in the next, as many as there is room for', async () => {
  const { commander, send, answers, connect } = startCommander({ settings: { mostPerMinute: 6_000 } });
  commander.disconnected();
  const sent = maxUnsent + 3;
  for (let n = 0; n < sent; n++) send(`n${n}`, { value: 11 });
  expect(answers).toEqual([]);
  connect();
  await waitFor(() => answers.length === maxUnsent);
  expect(answers[0]?.id).toBe('n3');
});

test('without its file nothing is written, and it says what to do', async () => {
  const file = newFile();
  mkdirSync(file, { recursive: true });
  const { commander, send, outcomes, values } = startCommander({ file });
  send('unstored');
  await waitFor(() => outcomes().length === 1);
  expect(outcomes()).toEqual(['unstored not-stored']);
  expect(values.size).toBe(0);
  expect(commander.trouble()).toContain(dirname(file));
});

test('a record that the journal may not have is given again at the next start, and no other', async () => {
  const file = newFile();
  const first = startCommander({ file });
  first.send('sure');
  await waitFor(() => first.answers.length === 1);
  first.commander.handOver()();
  first.send('unsure', { device: 'plc-b', tag: 'b' });
  await waitFor(() => first.answers.length === 2);
  first.commander.handOver();
  await first.stop();
  const again = startCommander({ file });
  expect(again.samples.map(({ value }) => JSON.parse(String(value)).id)).toEqual(['unsure']);
});

test('a command is too soon after the one before also where the agent was started between them', async () => {
  const file = newFile();
  const first = startCommander({ file, atMostEveryMs: 60_000 });
  first.send('one');
  first.send('refused', { device: 'plc-b', tag: 'b', value: 77 });
  await waitFor(() => first.answers.length === 2);
  await first.stop();
  const again = startCommander({ file, atMostEveryMs: 60_000 });
  again.time.now += 59_000_000;
  again.send('soon');
  again.send('another', { device: 'plc-b', tag: 'b' });
  await waitFor(() => again.answers.length === 2);
  expect(again.outcomes().toSorted()).toEqual(['another written', 'soon too-often']);
  await again.stop();
  const late = startCommander({ file, atMostEveryMs: 60_000, now: again.time.now + 2_000_000 });
  late.send('late');
  await waitFor(() => late.answers.length === 1);
  expect(late.outcomes()).toEqual(['late written']);
});

test('a clock that was set back between two runs of the agent puts off no command longer than allowed', async () => {
  const file = newFile();
  const first = startCommander({ file, atMostEveryMs: 60_000 });
  first.send('one');
  await waitFor(() => first.answers.length === 1);
  await first.stop();
  const again = startCommander({ file, atMostEveryMs: 60_000, now: first.time.now - 3_600_000_000 });
  again.send('soon');
  await waitFor(() => again.answers.length === 1);
  again.time.aheadMs += 61_000;
  again.send('later');
  await waitFor(() => again.answers.length === 2);
  expect(again.outcomes()).toEqual(['soon too-often', 'later written']);
});

test('ids are remembered until their commands have expired, and then at most the newest', async () => {
  const { commander, time, send, outcomes } = startCommander({
    settings: { maxRemembered: 100, mostPerMinute: 6_000 },
  });
  for (let n = 0; n < 100; n++) send(`n${n}`, { value: 11 });
  commander.handOver()();
  send('more');
  await waitFor(() => outcomes().length === 101);
  expect(outcomes().at(-1)).toBe('more busy');
  time.now += 1_000_001;
  send('later');
  await waitFor(() => outcomes().length === 102);
  expect(outcomes().at(-1)).toBe('later written');
  // n0 is forgotten: what says that it is still valid may be a copy of it.
  time.now -= 1_000_001;
  send('n0');
  await waitFor(() => outcomes().length === 103);
  expect(outcomes().at(-1)).toBe('n0 expired');
});

describe('what was answered is final for its id', () => {
  test('too many commands a minute: a copy that comes when there is room again is not carried out', async () => {
    const { time, send, answers, outcomes, values } = startCommander({ settings: { mostPerMinute: 1 } });
    send('first');
    await waitFor(() => answers.length === 1);
    send('flood', { value: 7 });
    time.aheadMs += 120_000;
    send('flood', { value: 7 });
    await waitFor(() => answers.length === 3);
    expect(outcomes()).toEqual(['first written', 'flood too-often', 'flood too-often']);
    expect(answers[1]?.message).toMatch(/this is its answer until it expires or the agent restarts$/);
    expect(answers.map(({ repeated }) => repeated)).toEqual([false, false, true]);
    expect([...values.values()]).toEqual([5]);
  });

  test('a disk that takes no note: a copy that comes when there is room again is not carried out', async () => {
    const disk = smallDisk();
    const { send, answers, values } = startCommander({ file: join(disk.folder, 'commands', 'gw.sqlite') });
    disk.fill();
    // What SQLite wrote before has a page or two to spare.
    for (let n = 0; n < 50 && answers.at(-1)?.reason !== 'not-stored'; n++) {
      send(`n${n}`, { value: 6 });
      await waitFor(() => answers.length === n + 1);
    }
    const { id, message, reason } = answers.at(-1) as AnswerMessage;
    expect(message).toMatch(/this is its answer until it expires or the agent restarts$/);
    expect(reason).toBe('not-stored');
    const sent = answers.length;
    values.clear();
    disk.makeRoom();
    send(String(id), { value: 6 });
    await waitFor(() => answers.length === sent + 1);
    expect(answers.at(-1)).toMatchObject({ id, reason: 'not-stored', repeated: true });
    expect(values.size).toBe(0);
  });

  test('more than can be remembered: the answer says so, and it is counted', async () => {
    const { send, answers, metrics } = startCommander({ settings: { mostPerMinute: 1 } });
    for (let n = 0; n < maxHeld + 2; n++) send(`n${n}`, { value: 11 });
    await waitFor(() => answers.at(-1)?.id === `n${maxHeld + 1}`);
    expect(answers.at(-1)?.message).toMatch(/its id could not be remembered: sent again it may be carried out$/);
    expect(answers.at(-2)?.message).toMatch(/this is its answer until/);
    expect(await metrics.text()).toContain('fieldline_commands_unheld_total 1');
  });

  test('a payload that is no command: its id is told as far as it can be read, and is used', async () => {
    const { send, raw, answers, values } = startCommander();
    raw('{"v":2,"gateway":"gw","id":"c1","device":"plc-a","tag":"a","value":null,"extra":1}');
    raw('{"id":5}');
    raw('null');
    await waitFor(() => answers.length === 3);
    expect(answers.map(({ id, reason }) => [id, reason])).toEqual([
      ...[
        ['c1', 'malformed'],
        [null, 'malformed'],
        [null, 'malformed'],
      ],
    ]);
    expect(answers[0]?.message).toMatch(
      /^v is 2; it must be 1; value is null; .*extra is not a field; here stand v, gateway, id, /,
    );
    expect(answers[0]?.message).toContain(
      'value is null; it must be a number, or true or false, or a text; expires is missing',
    );
    send('c1');
    await waitFor(() => answers.length === 4);
    expect(answers[3]).toMatchObject({ id: 'c1', reason: 'malformed', repeated: true });
    expect(values.size).toBe(0);
  });
});

test('the empty payload that deletes a retained command is no command', async () => {
  const { send, raw, answers, outcomes } = startCommander({ settings: { mostPerMinute: 1 } });
  raw('');
  raw('', true);
  send('a');
  await waitFor(() => answers.length > 0);
  expect(outcomes()).toEqual(['a written']);
});

describe('a method', () => {
  test('is called once, answered with what it was given and gave, and recorded', async () => {
    const { send, answers, values, samples } = startCommander({ isMethod: true });
    send('call', { value: { amount: 4 } });
    send('call', { value: { amount: 4 } });
    await waitFor(() => answers.length === 1);
    send('call', { value: { amount: 5 } });
    await waitFor(() => answers.length === 2);
    const answer = { outcome: 'called', reason: null, before: null, written: '{"amount":4}', after: '{"twice":8}' };
    expect(answers).toEqual([expect.objectContaining(answer), expect.objectContaining({ ...answer, repeated: true })]);
    expect([...values.values()]).toEqual([1]);
    expect(samples.map(({ value }) => JSON.parse(String(value)))).toEqual([
      expect.objectContaining({ id: 'call', value: { amount: 4 }, outcome: 'called', after: '{"twice":8}' }),
    ]);
  });

  test('is not called with what its limits do not allow, nor after the end of its command', async () => {
    const { send, outcomes, values, time, release } = startCommander({ isMethod: true, isHeld: true });
    send('wide', { value: { amount: 11 } });
    send('value', { value: 4 });
    send('late', { device: 'plc-b', tag: 'b', value: { amount: 4 } });
    time.now += 2_000_000;
    release();
    await waitFor(() => outcomes().length === 3);
    expect(outcomes()).toEqual(['wide out-of-range', 'value type', 'late expired']);
    expect(values.size).toBe(0);
  });
});

test('of a text that is longer than an answer may be, the beginning is told and remembered', async () => {
  const { send, answers, values } = startCommander();
  values.set(tags[0] as Tag, 'x'.repeat(20_000));
  send('long');
  await waitFor(() => answers.length === 1);
  expect(String(answers[0]?.before)).toMatch(/^x{8191}…$/);
  send('long');
  await waitFor(() => answers.length === 2);
  expect(answers[1]).toMatchObject({ repeated: true, before: answers[0]?.before });
});
