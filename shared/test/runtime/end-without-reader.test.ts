import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';

const module = new URL('../../src/runtime/end-without-reader.ts', import.meta.url).href;

/** A program that prints for ever, and a reader that goes after the first line. */
async function run(call: string): Promise<{ code: number | null; errors: string }> {
  const text = `import { endWithoutReader } from '${module}';
    ${call};
    setInterval(() => process.stdout.write('a line\\n'), 1);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', text], { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (said: string) => {
    errors += said;
  });
  child.stdout.once('data', () => child.stdout.destroy());
  const [code] = await once(child, 'exit');
  return { code: code as number | null, errors };
}

describe('a program whose reader has gone', () => {
  test('ends without a word', async () => {
    expect(await run('endWithoutReader()')).toEqual({ code: 0, errors: '' });
  });

  test('keeps the exit code that it had', async () => {
    expect(await run('process.exitCode = 1; endWithoutReader()')).toEqual({ code: 1, errors: '' });
  });

  test('ends in its own way where it has one, told once', async () => {
    const own = `let told = 0; endWithoutReader(() => { told++; setTimeout(() => process.exit(10 + told), 50); })`;
    expect(await run(own)).toEqual({ code: 11, errors: '' });
  });
});
