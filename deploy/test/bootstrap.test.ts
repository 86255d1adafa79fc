import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';

const bootstrap = fileURLToPath(new URL('../bootstrap.mjs', import.meta.url));

/** A repository with one package in its lock file, and an npm that notes its arguments and installs just that. */
function repository() {
  const root = temporaryFolder();
  mkdirSync(join(root, 'deploy'));
  copyFileSync(bootstrap, join(root, 'deploy', 'bootstrap.mjs'));
  const lock = JSON.stringify({ packages: { '': {}, 'node_modules/a': { version: '1.2.0' } } });
  writeFileSync(join(root, 'package-lock.json'), lock);
  writeFileSync(
    join(root, 'package.json'),
    JSON.stringify({ allowScripts: { '.bin': true, 'not-for-this-platform': true } }),
  );
  writeFileSync(
    join(root, 'npm.mjs'),
    `import { appendFileSync, copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
     appendFileSync('npm.log', process.argv.slice(2).join(' ') + '\\n');
     mkdirSync('node_modules/.bin', { recursive: true });
     if (process.argv[2] === 'ci') copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
     else try { symlinkSync(process.execPath, 'node_modules/.bin/node'); } catch {}`,
  );
  return root;
}

type Outcome = { code: number | null; out: string; err: string };

function run(root: string, args: readonly string[]) {
  const child = spawn(process.execPath, [join(root, 'deploy', 'bootstrap.mjs'), ...args], {
    cwd: root,
    env: { ...process.env, npm_execpath: join(root, 'npm.mjs') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outcome: Outcome = { code: null, out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    outcome.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    outcome.err += text;
  });
  const done = new Promise<Outcome>((resolve) => child.once('close', (code) => resolve({ ...outcome, code })));
  return { child, outcome, done };
}

describe('bootstrap', () => {
  test('installs once, says why, and passes arguments and exit code on', async () => {
    const root = repository();
    const script = 'console.log(process.argv.slice(1).join("|")); process.exitCode = 7';
    const first = await run(root, ['node', '-e', script, '--', '--for', '60s']).done;
    expect(first).toMatchObject({ code: 7, out: '--for|60s\n' });
    expect(first.err).toMatch(/node_modules is not there yet/);
    const second = await run(root, ['node', '-e', script]).done;
    expect(second).toMatchObject({ code: 7, err: '' });
    const calls = readFileSync(join(root, 'npm.log'), 'utf8').trim().split('\n');
    expect(calls).toEqual([
      expect.stringMatching(/^ci /),
      expect.stringMatching(/^rebuild --ignore-scripts=false \.bin --/),
    ]);
  });

  test('runs the install scripts where somebody has installed without them', async () => {
    const root = repository();
    await run(root, ['node', '-e', '']).done;
    rmSync(join(root, 'node_modules', '.bin', 'node'));
    expect(await run(root, ['node', '-e', '']).done).toMatchObject({ code: 0, err: '' });
    const calls = readFileSync(join(root, 'npm.log'), 'utf8').trim().split('\n');
    expect(calls.map((call) => call.split(' ')[0])).toEqual(['ci', 'rebuild', 'rebuild']);
  });

  test('installs again when package-lock.json names another version, whatever the times of the files are', async () => {
    const root = repository();
    await run(root, ['node', '-e', '']).done;
    const lock = JSON.stringify({ packages: { 'node_modules/a': { version: '1.3.0' } } });
    writeFileSync(join(root, 'package-lock.json'), lock);
    const again = await run(root, ['node', '-e', '']).done;
    expect(again.err).toMatch(/node_modules\/a is 1\.2\.0, package-lock\.json says 1\.3\.0/);
  });

  test('the tools of the repository come before those of the machine', async () => {
    const root = repository();
    await run(root, ['node', '-e', '']).done;
    const tool = join(root, 'node_modules', '.bin', 'sort');
    writeFileSync(tool, '#!/bin/sh\necho ours\n');
    chmodSync(tool, 0o755);
    expect((await run(root, ['sort']).done).out).toBe('ours\n');
  });

  test('a Ctrl-C that comes twice, from the terminal and from npm, reaches the command once', async () => {
    const root = repository();
    await run(root, ['node', '-e', '']).done;
    const script = `
      let interrupts = 0;
      process.on('SIGINT', () => { interrupts += 1; console.log('interrupted'); });
      process.on('SIGTERM', () => { console.log('interrupts ' + interrupts); process.exit(0); });
      console.log('up');
      setInterval(() => {}, 1000);`;
    const started = run(root, ['node', '-e', script]);
    await waitFor(() => started.outcome.out.includes('up'));
    started.child.kill('SIGINT');
    await waitFor(() => started.outcome.out.includes('interrupted'));
    started.child.kill('SIGINT');
    started.child.kill('SIGTERM');
    expect(await started.done).toMatchObject({ code: 0, out: expect.stringContaining('interrupts 1') });
  });

  test('an npm that fails ends it with its exit code not 0', async () => {
    const root = repository();
    writeFileSync(join(root, 'npm.mjs'), 'process.exit(3)');
    const failed = await run(root, ['node', '-e', '']).done;
    expect(failed.code).toBe(1);
    expect(failed.err).toMatch(/npm ci failed \(exit code 3\)/);
    expect(existsSync(join(root, 'node_modules'))).toBe(false);
  });
});
