import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isFieldlineError, type Tag } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, it } from 'vitest';
import { damage } from '../../helpers/damage.ts';
import { ClocklessGateway, openUndated, TakingJournal } from '../../helpers/undated.ts';

const tag: Tag = { device: 'plc1', tag: 'note', type: 'string' };
const flushes = 40;

/** A closed file of one boot with one flush per value; gives the gateway and the path of the file. */
function written(folder: string): { gateway: ClocklessGateway; file: string } {
  const gateway = new ClocklessGateway();
  const log = openUndated(folder, gateway);
  for (let value = 0; value < flushes; value++) {
    gateway.now += 500_000;
    log.record(
      'process',
      [{ tag, time: gateway.clock.now(), value: `${value} ${crypto.randomUUID()}`, quality: 0 }],
      0,
    );
    log.flush();
  }
  log.close();
  gateway.now += 500_000;
  return { gateway, file: join(folder, readdirSync(folder).find((name) => name.endsWith('.undated')) ?? '') };
}

function taken(folder: string, gateway: ClocklessGateway): { journal: TakingJournal; numbers: number[] } {
  const log = openUndated(folder, gateway);
  gateway.isSet = true;
  log.timeCame();
  const journal = new TakingJournal();
  journal.takeAll(log);
  log.close();
  return { journal, numbers: journal.samples.map(({ value }) => Number.parseInt(String(value), 10)) };
}

it('declares the flush whose samples are not what was written, gives all others, and sets the file aside', () => {
  const folder = temporaryFolder();
  const { gateway, file } = written(folder);
  const bytes = readFileSync(file);
  // The samples of an entry begin with the mark of their compression, after the words of the entry.
  const at = bytes.indexOf(Buffer.of(0x28, 0xb5, 0x2f, 0xfd), Math.floor(bytes.length / 2));
  writeFileSync(file, bytes.with(at + 30, (bytes[at + 30] ?? 0) ^ 1));
  const { journal, numbers } = taken(folder, gateway);
  const { declared } = journal;
  expect(numbers).toHaveLength(flushes - 1);
  expect(numbers).toEqual(numbers.toSorted((left, right) => left - right));
  expect(declared).toMatchObject([{ kind: 'series', device: null, samples: 1, reason: 'journal-damaged' }]);
  const missing = Array.from({ length: flushes }, (_, value) => value).find((value) => !numbers.includes(value)) ?? -1;
  expect(declared[0]).toMatchObject({ from: gateway.begunAt + (missing + 1) * 500_000 });
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/\.undated\.damaged$/)]);
});

it.each([
  { do: 'truncate', at: 0.6 },
  { do: 'truncate', at: 0 },
  { do: 'zero', at: 0, pages: 1 },
  { do: 'zero', at: 0.5, pages: 3 },
  { do: 'flip', at: 0.4, bits: 0x10 },
  { do: 'flip', at: 0.9, bits: 0xff },
] as const)('goes on with what it can prove of a file that had: %j', (what) => {
  const folder = temporaryFolder();
  const { gateway, file } = written(folder);
  damage(file, what);
  const again = openUndated(folder, gateway);
  again.record('process', [{ tag, time: gateway.clock.now(), value: `${flushes}`, quality: 0 }], 0);
  again.close();
  const { journal, numbers } = taken(folder, gateway);
  expect(numbers.at(-1)).toBe(flushes);
  expect(numbers).toEqual(numbers.toSorted((left, right) => left - right));
  expect(new Set(numbers).size).toBe(numbers.length);
  if (numbers.length <= flushes) expect(journal.declared.map(({ reason }) => reason)).toContain('journal-damaged');
  for (const [index, { time }] of journal.samples.entries())
    if (numbers[index] !== flushes) expect(time).toBe(gateway.begunAt + ((numbers[index] ?? 0) + 1) * 500_000);
});

it('declares what was in a file that somebody deleted while it was written', () => {
  const folder = temporaryFolder();
  const gateway = new ClocklessGateway();
  const log = openUndated(folder, gateway);
  for (const value of ['first', 'second']) {
    log.record('process', [{ tag, time: gateway.clock.now(), value, quality: 0 }], 0);
    log.flush();
    if (value === 'first') for (const name of readdirSync(folder)) rmSync(join(folder, name));
  }
  log.close();
  const { journal } = taken(folder, gateway);
  expect(journal.samples.map(({ value }) => value)).toEqual(['second']);
  expect(journal.declared).toMatchObject([{ samples: 1, reason: 'journal-damaged' }]);
});

it('refuses the samples of another gateway', () => {
  const folder = temporaryFolder();
  const { gateway } = written(folder);
  let refusal: unknown;
  try {
    openUndated(folder, gateway, { gateway: 'gw-other' });
  } catch (error) {
    refusal = error;
  }
  expect(isFieldlineError(refusal, 'journal/foreign')).toBe(true);
});
