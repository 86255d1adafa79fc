/** `npm run check`: the gate. Types, lint and format, tidiness, generated files; no warnings. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tidy } from './check/tidy.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
/** The page is JavaScript with types in its comments: the browser runs it as it stands. */
const projects = ['shared', 'edge-agent', 'cloud-ingest', 'cloud-ingest/page', 'simulators', 'deploy'];

type Finding = { readonly name: string; readonly trouble: string | null };

const run = (name: string, program: string, args: readonly string[]): Promise<Finding> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => resolve({ name, trouble: code === 0 ? null : said.trim() }));
  });

const capture = async (program: string, args: readonly string[]): Promise<string> => {
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  return (await child.stdout.setEncoding('utf8').toArray()).join('');
};

async function tidiness(): Promise<Finding> {
  const listed = await capture('git', [
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
    '--deduplicate',
  ]);
  const files = listed.split('\0').filter((file) => file !== '');
  const troubles = tidy({ files, read: (file) => readFileSync(join(root, file)), root });
  return { name: 'tidy', trouble: troubles.length === 0 ? null : troubles.join('\n') };
}

const checks: (() => Promise<Finding>)[] = [
  ...projects.map((project) => () => run(`types: ${project}`, join(bin, 'tsc'), ['-p', project])),
  () => run('lint and format', join(bin, 'biome'), ['check', '--error-on-warnings', '--colors=off']),
  () => run('generated files', process.execPath, ['shared/src/config/generate.ts', '--check']),
  tidiness,
];

let failed = 0;
for (const check of checks) {
  const { name, trouble } = await check();
  process.stdout.write(trouble === null ? `ok      ${name}\n` : `FAILED  ${name}\n${trouble}\n\n`);
  if (trouble !== null) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
