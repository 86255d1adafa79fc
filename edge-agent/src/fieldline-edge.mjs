#!/usr/bin/env node
/** What `npx fieldline-edge` begins with. JavaScript that every Node understands, so that one which is too old gets a sentence and no stack trace. */
import { existsSync } from 'node:fs';

const leastNode = 24;

if (Number(process.versions.node.split('.')[0]) < leastNode) {
  // Of a copy of the repository, where npm ci alone installs no Node: nothing is built while packages are installed.
  const isCopy = existsSync(new URL('../../deploy/bootstrap.mjs', import.meta.url));
  const inCopy =
    ', or run `node deploy/bootstrap.mjs fieldline-edge --help` once in the copy of the repository: it fetches one, which npx takes from then on';
  process.stderr.write(
    `fieldline-edge needs Node ${leastNode}, and ${process.execPath} is Node ${process.versions.node}: install Node ${leastNode}${isCopy ? inCopy : ''}\n`,
  );
  process.exitCode = 1;
} else {
  // Images and packages have the emitted file.
  const emitted = new URL('main.js', import.meta.url);
  await import(existsSync(emitted) ? emitted.href : './main.ts');
}
