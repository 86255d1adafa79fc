#!/usr/bin/env node
/** What `npx fieldline-edge` begins with. JavaScript that every Node understands, so that one which is too old gets a sentence and no stack trace. */
import { existsSync } from 'node:fs';

const leastNode = 24;

if (Number(process.versions.node.split('.')[0]) < leastNode) {
  process.stderr.write(
    `fieldline-edge needs Node ${leastNode}, and ${process.execPath} is Node ${process.versions.node}: start it by npx, which takes the Node of this installation, or install Node ${leastNode}\n`,
  );
  process.exitCode = 1;
} else {
  // Images and packages have the emitted file.
  const emitted = new URL('main.js', import.meta.url);
  await import(existsSync(emitted) ? emitted.href : './main.ts');
}
