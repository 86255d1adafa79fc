import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import { smallDisk } from '../helpers/small-disk.ts';
import { newFile, startCommander } from './rig.ts';

describe('a store that cannot be opened at the start is tried again', () => {
  /** What the flush of the agent does, when the longest pause is over. */
  const later = ({ time, commander }: ReturnType<typeof startCommander>): void => {
    time.aheadMs += 10_001;
    commander.handOver();
  };

  test('a disk that was full: what was refused stays so, and the next is written', async () => {
    const disk = smallDisk();
    disk.fill();
    const rig = startCommander({ file: join(disk.folder, 'commands', 'gw.sqlite') });
    rig.send('early');
    later(rig);
    await waitFor(() => rig.answers.length === 1);
    expect(rig.commander.trouble()).toContain('cannot be opened');
    disk.makeRoom();
    later(rig);
    expect(rig.commander.trouble()).toBeNull();
    for (const id of ['early', 'next']) rig.send(id);
    await waitFor(() => rig.answers.length === 3);
    expect(rig.outcomes()).toEqual(['early not-stored', 'early not-stored', 'next written']);
  });

  test('a disk that was read-only: what an earlier process left is taken up, and its ids are known', async () => {
    const disk = smallDisk();
    const file = join(disk.folder, 'commands', 'gw.sqlite');
    const first = startCommander({ file });
    first.send('old');
    await waitFor(() => first.answers.length === 1);
    await first.stop();
    disk.makeReadOnly();
    const rig = startCommander({ file });
    rig.send('early');
    await waitFor(() => rig.answers.length === 1);
    disk.makeWritable();
    later(rig);
    expect(rig.samples.map(({ value }) => JSON.parse(String(value)).id)).toEqual(['old']);
    for (const id of ['old', 'next']) rig.send(id);
    await waitFor(() => rig.answers.length === 3);
    expect(rig.outcomes()).toEqual(['early not-stored', 'old written', 'next written']);
    expect(rig.answers[1]?.repeated).toBe(true);
  });

  test.each([
    ['emptied', ''],
    ['overwritten', 'no database, but some text that is longer than a header '.repeat(100)],
  ])('a file that was %s is no new one: commands wait until somebody deletes it', async (_how, content) => {
    const file = newFile();
    const first = startCommander({ file });
    first.send('old');
    await waitFor(() => first.answers.length === 1);
    await first.stop();
    writeFileSync(file, content);
    const rig = startCommander({ file });
    later(rig);
    rig.send('old');
    await waitFor(() => rig.answers.length === 1);
    expect(rig.outcomes()).toEqual(['old not-stored']);
    expect(rig.commander.trouble()).toMatch(
      /may be deleted, with its -wal, once every command sent so far has expired$/,
    );
    rmSync(file);
    later(rig);
    rig.send('next');
    await waitFor(() => rig.answers.length === 2);
    expect(rig.outcomes()[1]).toBe('next written');
  });
});
