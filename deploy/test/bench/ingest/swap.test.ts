import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';

const swapModules = new URL('../../../bench/ingest/swap/modules.ts', import.meta.url).href;

test('a replaced module is what others import, and the replacement itself still has what it replaces', () => {
  const folder = temporaryFolder();
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return pathToFileURL(join(folder, name)).href;
  };
  file('part.mjs', `export const say = () => 'the part';`);
  file('other.mjs', `export const say = () => 'another';`);
  const replacement = file(
    'new-part.mjs',
    `import { say as was } from './part.mjs'; export const say = () => 'in the place of ' + was();`,
  );
  const program = file(
    'program.mjs',
    `import { say } from './part.mjs'; import * as other from './other.mjs'; process.stdout.write(say() + ', ' + other.say());`,
  );
  const swap = file(
    'swap.mjs',
    `import { swapModules } from '${swapModules}'; swapModules({ '/part.mjs': new URL('${replacement}') });`,
  );
  const said = execFileSync(process.execPath, ['--import', swap, program.slice('file://'.length)], {
    encoding: 'utf8',
  });
  expect(said).toBe('in the place of the part, another');
});

test.each([
  ['at-least-once', 'committing-kafka.ts no-acknowledger.ts store-rows-only.ts'],
  ['pass-through', 'trust-records.ts'],
])('the parts that %s replaces are there to be replaced', (name, replacements) => {
  const swap = new URL(`../../../bench/ingest/swap/${name}.ts`, import.meta.url).href;
  const parts = ['processor/processor.ts', 'backbone/kafka/kafka-backbone.ts'].map(
    (part) => new URL(`../../../../cloud-ingest/src/${part}`, import.meta.url).href,
  );
  const listed = `import { registerHooks } from 'node:module';
    const urls = [];
    registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context); } });
    for (const part of ${JSON.stringify(parts)}) await import(part);
    process.stdout.write(urls.filter((url) => url.includes('/bench/ingest/swap/')).map((url) => url.split('/').at(-1)).sort().join(' '));`;
  const said = execFileSync(process.execPath, ['--import', swap, '--input-type=module', '--eval', listed], {
    encoding: 'utf8',
  });
  expect(said).toBe(replacements);
});
