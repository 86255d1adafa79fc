import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { countOf } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, it } from 'vitest';
import { allBatches, openJournal } from '../helpers/journal.ts';

const writer = new URL('../helpers/journal-writer.ts', import.meta.url).pathname;

/** Runs the writer until it has said that it flushed this often, kills it, and gives what it said. */
async function writeAndKill(
  folder: string,
  flushes: number,
  mode = 'plain',
): Promise<{ stream: string; seq: number; samples: number }[]> {
  const child = spawn(process.execPath, [writer, folder, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: { stream: string; seq: number; samples: number }[] = [];
  for await (const line of createInterface(child.stdout)) {
    said.push(JSON.parse(line));
    if (said.length === flushes) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return said;
}

it('loses nothing that was flushed when the process is killed, numbers without holes, streams in a chain', async () => {
  const folder = temporaryFolder();
  const said = [];
  for (const flushes of [3, 40, 1, 17]) said.push(...(await writeAndKill(folder, flushes)));
  const journal = openJournal(folder);
  const held = allBatches(journal);
  const found = new Map(held.map(({ stream, seq, sent }) => [`${stream}/${seq}`, sent]));
  expect(said.length).toBeGreaterThanOrEqual(61);
  for (const { stream, seq, samples } of said) expect(found.get(`${stream}/${seq}`)).toBe(samples);
  for (const { held: ranges, last } of journal.streams()) expect(ranges).toEqual([[1, last]]);
  const firsts = held.filter(({ seq }) => seq === 1);
  expect(firsts).toHaveLength(5);
  for (const [index, first] of firsts.entries()) {
    const before = journal.streams()[index - 1];
    expect(first.previous).toEqual(before === undefined ? null : { stream: before.stream, lastSeq: before.last });
    if (before !== undefined)
      expect(first.declared).toMatchObject([{ kind: 'series', device: null, reason: 'restart' }]);
  }
  journal.close();
});

it('has what was not confirmed, when it is killed while logs fill up and pass from segment to segment', async () => {
  const folder = temporaryFolder();
  for (const flushes of [29, 60, 90, 31]) {
    const said = await writeAndKill(folder, flushes, 'confirming');
    const journal = openJournal(folder, { segmentBytes: 16 * 1024 ** 2 });
    const stream = said.at(-1)?.stream ?? '';
    const held = journal.streams().find((one) => one.stream === stream)?.held ?? [];
    for (const { seq, samples } of said.slice(-2)) expect(journal.read(stream, seq)?.samples).toBe(samples);
    // All that is held can be decoded, and nothing of another stream has come into it.
    expect(allBatches(journal).filter((batch) => batch.stream === stream)).toHaveLength(countOf(held));
    for (const one of journal.streams()) journal.confirm(one.stream, [[1, one.last]]);
    journal.close();
  }
});
