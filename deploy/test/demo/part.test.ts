import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { type Part, startPart } from '../../demo/part.ts';

function start(script: string) {
  const folder = temporaryFolder();
  const logFile = join(folder, 'part.log');
  const notices: string[] = [];
  const failures: Error[] = [];
  const part: Part = startPart({
    name: 'part',
    program: process.execPath,
    args: ['-e', script],
    cwd: folder,
    logFile,
    notice: (line) => notices.push(line),
    gaveUp: (error) => failures.push(error),
  });
  onTestFinished(async () => {
    await part.stop(1_000);
  });
  return { part, notices, failures, log: () => readFileSync(logFile, 'utf8') };
}

test('a part that dies is started again', async () => {
  const started = start('console.log("up"); setInterval(() => {}, 1000)');
  await waitFor(() => started.log().includes('up'));
  const first = started.part.pid();
  process.kill(first ?? 0, 'SIGKILL');
  await waitFor(() => started.notices.length === 1 && started.log().match(/up/g)?.length === 2);
  expect(started.part.pid()).not.toBe(first);
  expect(started.notices[0]).toMatch(/part ended \(SIGKILL\) and is started again/);
  expect(started.failures).toEqual([]);
});

test('a part that does not stay up ends the run with what it said last', async () => {
  const started = start('console.error("port 1 is in use: set another port"); process.exit(1)');
  const failure = await waitFor(() => started.failures[0], { what: 'the part to be given up' });
  expect(failure.message).toMatch(/part does not stay up \(exit code 1\)[\s\S]*set another port/);
});

test('stopping lets a part end by itself, and ends it when it does not', async () => {
  const willing = start('process.on("SIGTERM", () => process.exit(0)); console.log("up"); setInterval(() => {}, 1000)');
  const deaf = start('process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)');
  await waitFor(() => willing.log().includes('up') && deaf.log().includes('up'));
  expect(await willing.part.stop(20_000)).toBe(true);
  expect(await deaf.part.stop(50)).toBe(false);
  expect(deaf.notices).toEqual([]);
});
