import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Lifecycle } from '@fieldline/shared/runtime';
import { describe, expect, it } from 'vitest';

describe('a lifecycle', () => {
  it('closes in the reverse order, once', async () => {
    const closed: string[] = [];
    const lifecycle = new Lifecycle();
    for (const name of ['database', 'broker', 'reader']) lifecycle.add(name, () => void closed.push(name));
    await Promise.all([lifecycle.close(), lifecycle.close()]);
    await lifecycle.close();
    expect(closed).toEqual(['reader', 'broker', 'database']);
  });

  it('closes the others when one fails, and names the one that failed', async () => {
    const closed: string[] = [];
    const lifecycle = new Lifecycle();
    lifecycle.add('database', () => void closed.push('database'));
    lifecycle.add('broker', () => Promise.reject(new Error('gone')));
    await expect(lifecycle.close()).rejects.toThrow('closing broker failed');
    expect(closed).toEqual(['database']);
  });
});

describe('a program', () => {
  const start = async (afterwards: string) => {
    const text = `import { runProgram, untilAborted } from '@fieldline/shared/runtime';
      await runProgram(async (signal) => {
        const idle = setInterval(() => {}, 1_000);
        console.log('runs');
        await untilAborted(signal);
        console.log('stops');
        ${afterwards}
        clearInterval(idle);
      });`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', text], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    return child;
  };

  it('ends after a stop also where something was left open', { timeout: 20_000 }, async () => {
    const child = await start('setInterval(() => {}, 1_000);');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('ends in order by %s', async (signal) => {
    const child = await start('');
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('is ended at once by a second %s, with exit code %i', async (signal, code) => {
    const child = await start('await new Promise(() => {});');
    child.kill(signal);
    await once(child.stdout, 'data');
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([code, null]);
  });
});
