/** What the writer makes of the answers of a server, and of none. */
import { waitFor } from '@fieldline/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startLine } from './peers/cut-line.ts';

import { useWritablePlant, writableTag } from './writable-plant.ts';

const { connected, writtenTo, plantServer } = useWritablePlant();

describe('what the server answers', () => {
  test('is no, or that it took it, or that it does not know', async () => {
    const names = ['refusing', 'denying', 'picky', 'doubting', 'deaf', 'clamping'];
    const { put } = await connected(names.map((name) => writableTag(name)));
    const kinds = new Map<string, [string, string | undefined]>();
    for (const name of names) {
      const { kind, problem } = await put(name, 5);
      kinds.set(name, [kind, problem?.message]);
      expect(await writtenTo(name), name).toHaveLength(1);
    }
    expect(Object.fromEntries(kinds)).toEqual({
      refusing: ['rejected', 'the server answers with BadNotWritable: nobody may write this node'],
      denying: [
        'rejected',
        'the server answers with BadUserAccessDenied: give the user of this session the right on the server',
      ],
      picky: ['rejected', expect.stringContaining('BadTypeMismatch')],
      doubting: ['unanswered', 'the server answers with UncertainLastUsableValue'],
      deaf: ['unanswered', 'the server answers with BadTimeout'],
      clamping: ['accepted', undefined],
    });
  });

  test('may come too late: then it is unanswered, sent once, and read back', async () => {
    const { put, get, rig } = await connected([writableTag('slow')], plantServer().endpoint, 500);
    expect(await put('slow', 8)).toMatchObject({ kind: 'unanswered', problem: { reason: 'no-answer' }, written: 8 });
    expect((await get('slow')).value).toBe(8);
    await rig.sees('slow', 8);
    expect(await writtenTo('slow')).toHaveLength(1);
  });
});

describe('a connection', () => {
  test('on which the reading before the write has no answer is told as none, and nothing is written', async () => {
    const { put } = await connected([writableTag('double')], plantServer().endpoint, 500);
    const sent = await writtenTo('double');
    plantServer().freeze();
    const { kind, problem } = await put('double', 7).finally(() => plantServer().thaw());
    expect(kind).toBe('not-sent');
    expect(problem).toEqual({
      reason: 'not-connected',
      message: expect.stringMatching(/^read before the write: /),
    });
    expect(await writtenTo('double')).toEqual(sent);
  });

  test('that is cut between write and answer leaves it unanswered, and the write is not sent again', async () => {
    const line = await startLine(plantServer().settings.port);
    onTestFinished(() => line.close());
    const endpoint = `opc.tcp://127.0.0.1:${line.port}/plant`;
    const { put, rig } = await connected([writableTag('slow')], endpoint);
    const sent = await writtenTo('slow');
    const result = put('slow', 9);
    await waitFor(async () => (await writtenTo('slow')).length > sent.length, { what: 'the write' });
    line.close();
    expect(await result).toMatchObject({ kind: 'unanswered', problem: { reason: 'no-answer' }, written: 9 });
    await waitFor(() => rig.driver.status()[0]?.state === 'disconnected', { what: 'the loss to be noticed' });
    expect(await put('slow', 10)).toMatchObject({ kind: 'not-sent', problem: { reason: 'not-connected' } });
    const other = await connected([writableTag('slow')]);
    expect((await other.get('slow')).value).toBe(9);
    expect(await writtenTo('slow')).toHaveLength(sent.length + 1);
  });

  test('whose session the server has forgotten sends nothing twice, and makes no session of its own', async () => {
    const { put, rig } = await connected([writableTag('level')]);
    const sent = await writtenTo('level');
    await plantServer().ask({ do: 'close-sessions' });
    const { kind, problem } = await put('level', 11);
    expect(kind, problem?.message).not.toBe('accepted');
    await waitFor(() => rig.driver.status()[0]?.state !== 'connected', { what: 'the loss to be noticed' });
    await waitFor(() => rig.driver.status()[0]?.state === 'connected', { what: 'the next session' });
    await waitFor(async () => (await plantServer().ask({ do: 'sessions' })) === 1, { what: 'one session' });
    expect((await writtenTo('level')).length).toBeLessThanOrEqual(sent.length + 1);
  });
});
