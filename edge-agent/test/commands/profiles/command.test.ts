import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { run } from '../../../src/commands/profiles/command.ts';
import { profilesFolder } from '../../../src/profiles-folder.ts';

function said(args: readonly string[], workingFolder = temporaryFolder()): string[] {
  const lines: string[] = [];
  run({ args, profilesFolder, workingFolder, say: (line) => lines.push(line) });
  return lines;
}

test('list names every shipped profile, with its model and the number of its tags', () => {
  const lines = said(['list']);
  expect(lines.map((line) => line.split(' ')[0])).toEqual(lines.map((line) => line.split(' ')[0]).toSorted());
  expect(lines).toContainEqual(expect.stringMatching(/^eastron\/sdm630 +Eastron SDM630 Modbus +39 tags$/));
});

test('show gives the notes, the sources and every tag with unit, register and type', () => {
  const lines = said(['show', 'eastron/sdm630']);
  expect(lines[0]).toBe('eastron/sdm630: Eastron SDM630 Modbus');
  expect(lines).toContainEqual('The numbers are from');
  expect(lines).toContainEqual(expect.stringContaining('volkszaehler/mbmd meters/rs485/sdm.go, commit'));
  expect(lines).toContainEqual(
    expect.stringMatching(/^energy\.import +energies +kWh +input 72 +float32 +active energy drawn$/),
  );
});

test('show takes a file of your own, and tells its problems', () => {
  const folder = temporaryFolder();
  writeFileSync(
    join(folder, 'mine.yaml'),
    'model: Mine\nsources: [{ title: T, at: A }]\ntags: [{ tag: a, address: 0 }]\n',
  );
  expect(said(['show', './mine.yaml'], folder)[0]).toBe('./mine.yaml: Mine');
  writeFileSync(join(folder, 'bad.yaml'), 'model: Mine\nsources: []\ntags: [{ tag: a }]\n');
  expect(() => said(['show', './bad.yaml'], folder)).toThrow(/bad\.yaml:2:10: sources: is empty/);
});

test('a name that is not there is told with the one that was meant; wrong use with the usage', () => {
  expect(() => said(['show', 'eastron/sdm63'])).toThrow(/Did you mean eastron\/sdm630\?/);
  expect(() => said(['shows'])).toThrow(
    /there is no profiles shows\. Did you mean profiles show\?\n\nUsage: fieldline-edge profiles list/,
  );
  expect(() => said([])).toThrow(/list or show is missing/);
});
