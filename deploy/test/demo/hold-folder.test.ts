import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { holdFolder } from '../../demo/hold-folder.ts';

test('a second run on the same data folder is refused while the first lives, with what to do', () => {
  const folder = temporaryFolder();
  const other = spawn('sleep', ['60'], { stdio: 'ignore' });
  writeFileSync(join(folder, 'running'), `${other.pid}\n`);
  expect(() => holdFolder(folder)).toThrow(
    new RegExp(`another run .* --data FOLDER .*process ${other.pid} is something else.*${folder}/running: delete`),
  );
  other.kill('SIGKILL');
});

test('what a killed run left behind does not hold the folder', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'running'), '4194304999\n');
  const release = holdFolder(folder);
  expect(existsSync(join(folder, 'running'))).toBe(true);
  release();
  expect(existsSync(join(folder, 'running'))).toBe(false);
});

test('a folder that cannot be made is told in words', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), '');
  expect(() => holdFolder(join(folder, 'file', 'data'))).toThrow(/--data: .*give a folder that you may write/);
});
