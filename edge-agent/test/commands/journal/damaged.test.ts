/** What the commands say of damaged files, and that the agent says the same. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { countOf } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { journalStatus } from '../../../src/commands/journal/status.ts';
import { statusJson, statusLines } from '../../../src/commands/journal/status-text.ts';
import { verifyJournal } from '../../../src/commands/journal/verify.ts';
import { damage } from '../../helpers/damage.ts';
import { imageOf, segmentFiles } from '../../helpers/folder.ts';
import { allBatches, handClock, openJournal, samplesOf } from '../../helpers/journal.ts';
import { listeningLog } from '../../helpers/listening-log.ts';

/** The folder of an agent that declared the end of the one before it, and was killed; the log of its file is damaged. */
function damagedAfterRestart() {
  const clock = handClock();
  let folder = temporaryFolder();
  for (let start = 0; start < 2; start++) {
    const journal = openJournal(folder, { clock });
    for (let flush = 0; flush < 6; flush++) {
      clock.advanceMs(1_000);
      journal.record(samplesOf(500), 0);
      journal.flush();
    }
    const image = imageOf(folder);
    journal.close();
    folder = image;
  }
  const file = segmentFiles(folder).at(-1) ?? '';
  damage(join(folder, `${file}-wal`), { do: 'flip', at: 0.5, bits: 1 });
  return { folder, file, clock };
}

const statusOf = (folder: string) => journalStatus({ folder, settings: null }, handClock().now());

describe('the status of a journal with a damaged file', () => {
  it('counts what can be proven of it, as the agent does, and tells what its batches declare', () => {
    const { folder, file, clock } = damagedAfterRestart();
    const status = statusOf(folder);
    const journal = openJournal(imageOf(folder), { clock });
    const held = journal.streams().slice(0, -1);
    const declared = allBatches(journal).filter(({ stream }) => stream === held.at(-1)?.stream)[0]?.declared ?? [];
    journal.close();
    expect(held.at(-1)?.held.length).toBe(2);
    expect(status.streams.map(({ stream, batches }) => [stream, batches])).toEqual(
      held.map((each) => [each.stream, countOf(each.held)]),
    );
    expect(status.total.unconfirmed.batches).toBe(status.total.batches);
    expect(declared).toMatchObject([{ reason: 'restart' }]);
    expect(status.declared).toEqual(declared.map((each) => ({ ...each, file })));
    expect(status.troubles).toMatchObject([{ file, isDamaged: true }]);
    expect(statusLines(status).join('\n')).toContain(`read from ${file}, which is damaged`);
    expect(JSON.parse(statusJson(status)).declared).toMatchObject([{ reason: 'restart', file }]);
  });

  it('tells it also when that was set aside, and that it was', () => {
    const { folder, file, clock } = damagedAfterRestart();
    const [declared] = statusOf(folder).declared;
    const journal = openJournal(folder, { clock });
    for (const { stream, last } of journal.streams()) journal.confirm(stream, [[1, last]]);
    journal.record(samplesOf(1), 0);
    journal.flush();
    journal.close();
    expect(readdirSync(folder)).toContain(`${file}.damaged`);
    const status = statusOf(folder);
    expect(status.troubles).toEqual([]);
    expect(status.declared).toContainEqual({ ...declared, file: `${file}.damaged` });
    expect(statusLines(status).join('\n')).toMatch(
      /set aside as damaged \(1 declaration\)\n {2}restart: .*; read from \S+\.segment\.damaged$/m,
    );
  });
});

it('verifying a journal says of a damaged file what the log of the agent says, whichever batch that met first', async () => {
  const folder = temporaryFolder();
  const written = openJournal(folder, { segmentBytes: 60_000 });
  while (segmentFiles(folder).length < 2) {
    written.record(samplesOf(1_000), 0);
    written.flush();
  }
  written.close();
  const [file = ''] = segmentFiles(folder);
  for (const at of [0.3, 0.7]) damage(join(folder, file), { do: 'flip', at, bits: 1 });
  const { troubles } = await verifyJournal({ folder, settings: null });
  const said = /damaged \((batch \d+ is the first that cannot be proven); /.exec(troubles.join('\n'))?.[1];
  expect(said).toBeDefined();
  const { log, lines } = listeningLog();
  const journal = openJournal(folder, { log, segmentBytes: 60_000 });
  const [{ stream, last } = { stream: '', last: 0 }] = journal.streams();
  for (let seq = last; seq >= 1; seq--) journal.read(stream, seq);
  const told = lines.filter(({ msg }) => msg.startsWith('a file of the journal is damaged'));
  expect(told).toMatchObject([{ reason: said, met: expect.stringMatching(/^batch \d+ is not what was written$/) }]);
  journal.close();
});
