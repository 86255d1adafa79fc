import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, it } from 'vitest';
import { imageOf } from '../../helpers/folder.ts';
import { allBatches, openJournal } from '../../helpers/journal.ts';
import {
  batchesOf,
  beginThinning,
  loadSegment,
  numberTags,
  plant,
  run,
  thinnedFile,
  writeJournal,
} from '../../helpers/thinning.ts';

const thinner = new URL('../../helpers/segment-thinner.ts', import.meta.url).pathname;
const flushes = 100;
/** It looks at each batch, the first of the opening too, and writes each. */
const batches = flushes + 1;

type Moment = { readonly by: 'parent' | 'itself'; readonly lines: number };
const moments: readonly Moment[] = [
  { by: 'itself', lines: 1 },
  { by: 'itself', lines: batches + 1 },
  { by: 'itself', lines: batches + 70 },
  { by: 'itself', lines: batches * 2 },
  ...[batches + 20, batches * 2 - 3].map((lines) => ({ by: 'parent' as const, lines })),
  { by: 'parent', lines: Number.POSITIVE_INFINITY },
];

async function thinAndKill(folder: string, { by, lines }: Moment): Promise<void> {
  const ownEnd = by === 'itself' ? [String(lines)] : [];
  const child = spawn(process.execPath, [thinner, folder, ...ownEnd], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = 0;
  for await (const _ of createInterface(child.stdout)) {
    said += 1;
    if (by === 'parent' && said === lines) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

it('leaves all of the old content or all of the new when the process is killed, and nothing beside it', async () => {
  const original = temporaryFolder();
  writeJournal(original, plant(numberTags('plc1', 40), flushes));
  const old = batchesOf(loadSegment(original));
  const ready = imageOf(original);
  const job = beginThinning({ segment: loadSegment(ready) });
  expect((await run(job)).state).toBe('done');
  expect(job.finish()).toBe(true);
  const thinned = batchesOf(loadSegment(ready));

  const seen = new Set<string>();
  for (const moment of moments) {
    const folder = imageOf(original);
    await thinAndKill(folder, moment);
    const segment = loadSegment(folder);
    const found = batchesOf(segment);
    segment.close();
    const isOld = found[2]?.sent === old[2]?.sent;
    expect(found).toEqual(isOld ? old : thinned);
    seen.add(isOld ? 'old' : 'new');
    if (existsSync(thinnedFile(folder))) seen.add('unfinished');

    const journal = openJournal(folder);
    expect(existsSync(thinnedFile(folder))).toBe(false);
    const [stream] = journal.streams();
    expect(allBatches(journal).filter((batch) => batch.stream === stream?.stream)).toEqual(found);
    journal.close();
  }
  expect([...seen].sort()).toEqual(['new', 'old', 'unfinished']);
}, 60_000);
