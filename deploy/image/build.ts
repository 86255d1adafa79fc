/**
 * Emits the JavaScript that images and packages run: Node strips no types under node_modules, and a gateway needs no compiler.
 *
 *   node deploy/image/build.ts <folder>
 *
 * The folder gets the layout of this repository without tests: <workspace>/src/**.js, the files that the programs read, and
 * package.json files whose `exports` and `bin` name the emitted files. `npm ci --omit=dev --workspace <one>` there completes it.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { z } from 'zod';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What images hold. `deploy` puts them together and is in none of them. */
export const shipped = ['shared', 'edge-agent', 'cloud-ingest', 'simulators'] as const;

const packageSchema = z.looseObject({
  exports: z.record(z.string(), z.string()).optional(),
  bin: z.record(z.string(), z.string()).optional(),
});

export async function build(target: string): Promise<void> {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  emit(target);
  await bundleAgent(target);
  for (const workspace of shipped) copyWorkspace(workspace, target);
  // The lock file covers every workspace, so npm wants to see the package.json of each.
  for (const file of ['package.json', 'package-lock.json', '.npmrc', 'deploy/package.json']) copyFile(file, target);
  refuseLeftovers(target);
}

/** One compilation of all workspaces, so that a type used across them is checked as it will run. */
function emit(target: string): void {
  const configFile = join(target, 'tsconfig.json');
  const config = {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: {
      noEmit: false,
      rootDir: root,
      outDir: target,
      typeRoots: [join(root, 'node_modules', '@types')],
    },
    include: shipped.map((workspace) => join(root, workspace, 'src')),
    exclude: [join(root, 'shared', 'src', 'testing')],
  };
  writeFileSync(configFile, JSON.stringify(config));
  const tsc = spawnSync(join(root, 'node_modules', '.bin', 'tsc'), ['-p', configFile], { encoding: 'utf8' });
  rmSync(configFile);
  if (tsc.status !== 0) throw new Error(`tsc failed:\n${tsc.stdout}${tsc.stderr}`);
}

/** Packages of many small files that every start of the agent loads. They are installed as well, with their licences. */
const bundledPackages = ['zod', 'prom-client', '@opentelemetry/api', 'tdigest', 'bintrees'];

/**
 * Our own part of the agent is some 300 files, each of which costs its start time. As one for each part that is loaded by itself, side
 * by side since some find others from where they are, it starts a tenth sooner. Other packages stay as they are.
 */
async function bundleAgent(target: string): Promise<void> {
  const folder = join(target, 'edge-agent', 'src');
  rmSync(folder, { recursive: true });
  const inside = [...bundledPackages, '@fieldline'];
  const isPackage = (id: string): boolean =>
    !/^[./]/.test(id) && !inside.some((name) => id === name || id.startsWith(`${name}/`));
  const input = join(root, 'edge-agent', 'src', 'main.ts');
  const bundle = await rolldown({ input, platform: 'node', external: isPackage });
  await bundle.write({ dir: folder, format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name].js' });
  await bundle.close();
}

function copyWorkspace(workspace: string, target: string): void {
  const from = join(root, workspace);
  const left = new Set(['node_modules', 'test', 'dist', 'package.json', 'README.md'].map((name) => join(from, name)));
  left.add(join(root, 'shared', 'src', 'testing'));
  cpSync(from, join(target, workspace), {
    recursive: true,
    filter: (path) => !left.has(path) && !/\.ts$|tsconfig\.json$/.test(path),
  });
  const source = packageSchema.parse(JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')));
  const emitted = { ...source, ...withEmittedPaths('exports', source.exports), ...withEmittedPaths('bin', source.bin) };
  writeFileSync(join(target, workspace, 'package.json'), `${JSON.stringify(emitted, null, 2)}\n`);
}

function withEmittedPaths(key: 'exports' | 'bin', paths: Readonly<Record<string, string>> | undefined): object {
  if (paths === undefined) return {};
  const kept = Object.entries(paths).filter(([, path]) => !path.includes('/testing/'));
  return { [key]: Object.fromEntries(kept.map(([name, path]) => [name, path.replace(/\.ts$/, '.js')])) };
}

function copyFile(file: string, target: string): void {
  mkdirSync(dirname(join(target, file)), { recursive: true });
  cpSync(join(root, file), join(target, file), { force: true });
}

/** The compiler rewrites imports; a path given to a worker or a child process in a string it does not. */
function refuseLeftovers(target: string): void {
  const scripts = readdirSync(target, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'));
  const leftovers = scripts.filter((file) =>
    /new URL\(\s*['"`][^'"`]+\.ts['"`]/.test(readFileSync(join(target, file), 'utf8')),
  );
  if (leftovers.length > 0) throw new Error(`these name a .ts file that images do not have: ${leftovers.join(', ')}`);
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) {
    process.stderr.write('use: node deploy/image/build.ts <folder>\n');
    process.exitCode = 1;
  } else {
    await build(resolve(folder));
    process.stdout.write(`emitted to ${relative(process.cwd(), resolve(folder))}\n`);
  }
}
