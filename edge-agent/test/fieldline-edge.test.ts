import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';

const folder = join(import.meta.dirname, '..');
const manifest = z.object({ bin: z.object({ 'fieldline-edge': z.string() }) });
const { bin } = manifest.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));

const run = (...parameters: string[]) => spawnSync(process.execPath, parameters, { cwd: folder, encoding: 'utf8' });

test('the command of the package is the program', () => {
  const { status, stdout } = run(bin['fieldline-edge'], '--help');
  expect(status).toBe(0);
  expect(stdout).toContain('Usage: fieldline-edge <command> --config <file>');
});

test('a Node that is too old gets a sentence instead of a stack trace', () => {
  const older = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } })`;
  const { status, stderr } = run('--import', `data:text/javascript,${older}`, bin['fieldline-edge'], 'run');
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^fieldline-edge needs Node 24, and .* is Node 20\.1\.0: install Node 24, or run `node (\S+) .*\n$/,
  );
  const [, script = ''] = /`node (\S+) /.exec(stderr) ?? [];
  expect(existsSync(join(folder, '..', script))).toBe(true);
});
