import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, type TestContext, test } from 'vitest';

const unit = readFileSync(fileURLToPath(new URL('../../systemd/fieldline-edge.service', import.meta.url)), 'utf8');
const setting = (name: string): string[] =>
  [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);

test('the agent runs as its own user, is always started again, and may write to its own folders only', () => {
  expect(setting('User')).toEqual(['fieldline']);
  expect(setting('Restart')).toEqual(['always']);
  expect(setting('StartLimitIntervalSec')).toEqual(['0']);
  expect(setting('ProtectSystem')).toEqual(['strict']);
  expect(setting('StateDirectory')).toEqual(['fieldline']);
  expect(setting('CapabilityBoundingSet')).toEqual(['']);
  expect(setting('ReadWritePaths')).toEqual([]);
});

test('it is not set what would stop the JavaScript engine or the agent', () => {
  // V8 makes code as it runs; the agent sends no watchdog message.
  expect(setting('MemoryDenyWriteExecute')).toEqual([]);
  expect(setting('WatchdogSec')).toEqual([]);
  expect(setting('Type')).toEqual(['exec']);
});

/** systemd's own checks, on a copy whose program exists on this machine. */
function analyze({ skip }: Pick<TestContext, 'skip'>, ...args: string[]): { status: number | null; said: string } {
  const copy = join(temporaryFolder(), 'fieldline-edge.service');
  writeFileSync(copy, unit.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
  const run = spawnSync('systemd-analyze', [...args, copy], { encoding: 'utf8' });
  if (run.error !== undefined) skip('systemd-analyze is not installed');
  return { status: run.status, said: `${run.stdout}${run.stderr}` };
}

test('systemd takes the unit without a warning', (context) => {
  const { status, said } = analyze(context, 'verify', '--man=no');
  // It also names other units of the machine that it happens to load.
  expect(said.split('\n').filter((line) => line.includes('fieldline-edge'))).toEqual([]);
  expect(status).toBe(0);
});

test('systemd rates its exposure below 2.5 of 10', (context) => {
  const { status, said } = analyze(context, 'security', '--offline=true', '--threshold=25', '--no-pager');
  expect(status, said.slice(-400)).toBe(0);
});
