/**
 * Runs a command of this repository with the tools that it states: `node deploy/bootstrap.mjs <command> [arguments…]`.
 *
 * Whatever Node (20 or newer) runs this file, the command gets the Node 24 of the npm package `node`, because
 * node_modules/.bin comes first in its PATH. What package-lock.json names and node_modules lacks is installed before.
 * Plain JavaScript without dependencies: it runs in a clone where nothing is installed yet.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const binFolder = join(root, 'node_modules', '.bin');
const localNode = join(binFolder, 'node');
/** npm and the terminal both pass a Ctrl-C on: two within this time are one. */
const sameSignalMs = 1_000;

/** Why node_modules is not what package-lock.json says, or null. Packages for other platforms may be absent. */
function lackOf() {
  const installedFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return 'node_modules is not there yet';
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  for (const [path, { version, link, optional, devOptional }] of Object.entries(wanted)) {
    if (!path.includes('node_modules/') || link) continue;
    const present = installed[path];
    if (present === undefined && (optional || devOptional)) continue;
    if (present?.version !== version) {
      return `${path} is ${present?.version ?? 'not there'}, package-lock.json says ${version}`;
    }
  }
  return null;
}

function install(reason) {
  process.stderr.write(`Installing the packages of package-lock.json (this takes a minute or two): ${reason}\n`);
  npm('ci');
}

/**
 * Packages install without their scripts (see .npmrc), since a machine without a compiler must do. What two of them need is
 * run here: Node itself, and the links of the embedded PostgreSQL. `allowScripts` in package.json names them.
 */
function runInstallScripts() {
  const { allowScripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  npm(
    'rebuild',
    '--ignore-scripts=false',
    ...Object.keys(allowScripts).filter((name) => existsSync(join(root, 'node_modules', name))),
  );
  if (!existsSync(localNode)) fail('npm did not install Node 24 (the package node): see its messages above');
}

function npm(...args) {
  const script = process.env.npm_execpath;
  const [program, first] = script === undefined ? ['npm', []] : [process.execPath, [script]];
  // Warnings of this step are about the Node that runs it, which is not the one that runs our programs.
  const { status, error } = spawnSync(program, [...first, ...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    // Where NODE_ENV says production, npm would leave out the tools for development.
    env: { ...process.env, NODE_ENV: 'development' },
  });
  if (status !== 0) fail(`npm ${args[0]} failed (${error?.message ?? `exit code ${status}`}): see its message above`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function run(command, args) {
  const local = join(binFolder, command);
  const child = spawn(existsSync(local) ? local : command, args, {
    stdio: 'inherit',
    env: {
      // TypeScript is stripped and compiled once, not at each start: without it the stripper alone takes 20 MB in each program.
      NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'fieldline'),
      ...process.env,
      PATH: `${binFolder}${delimiter}${process.env.PATH ?? ''}`,
    },
    // Its own process group: signals reach it once, from here, and not a second time from the terminal.
    detached: true,
  });
  const lastAt = new Map();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      const now = performance.now();
      if (now - (lastAt.get(signal) ?? -Infinity) > sameSignalMs) child.kill(signal);
      lastAt.set(signal, now);
    });
  }
  child.on('error', (error) => fail(`${command} cannot be run: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]));
}

const [command, ...args] = process.argv.slice(2);
if (Number(process.versions.node.split('.')[0]) < 20) {
  fail(`Node ${process.versions.node} is too old to begin with: install Node 20 or newer`);
}
if (command === undefined) fail('use: node deploy/bootstrap.mjs <command> [arguments…]');
const lack = lackOf();
if (lack !== null) install(lack);
if (lack !== null || !existsSync(localNode)) runInstallScripts();
run(command, args);
