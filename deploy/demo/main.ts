/** `npm start`: the whole line on this machine, from simulated PLCs to rows and the page. See `usage` in options.ts. */
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isFieldlineError } from '@fieldline/shared/contracts';
import { endWithoutReader, Lifecycle, pause, runProgram } from '@fieldline/shared/runtime';
import pg from 'pg';
import { type Query, runAudit } from './audit.ts';
import { holdFolder } from './hold-folder.ts';
import { type Line, startLine } from './line.ts';
import { createLiveView, type LiveView, liveLine } from './live.ts';
import { type DemoOptions, parseOptions, usage } from './options.ts';
import { summary } from './summary.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const lookEveryMs = 2_000;
/** How long the rows of what the agent sent last may take. */
const settleMs = 30_000;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function work(signal: AbortSignal): Promise<void> {
  const options = parseOptions(process.argv.slice(2), {
    dataFolder: join(root, '.fieldline'),
    plant: join(root, 'deploy', 'examples', 'pumping-station'),
  });
  const dataFolder = resolve(options.dataFolder);
  const lifecycle = new Lifecycle();
  const over = new AbortController();
  let failure: Error | undefined;
  const gaveUp = (error: Error): void => {
    failure ??= error;
    over.abort();
  };
  signal.addEventListener('abort', () => over.abort(), { once: true });
  try {
    lifecycle.add('data folder', holdFolder(dataFolder));
    say('Fieldline: starting simulators, database, broker, ingest and agent on this machine');
    const line = await startLine(
      { ...options, dataFolder, plant: resolve(options.plant) },
      { root, lifecycle, notice: say, gaveUp, signal: over.signal },
    );
    const closes = await attend(line, options, over.signal, () => failure !== undefined);
    if (failure === undefined && !closes) process.exitCode = 1;
  } catch (error) {
    // What a part said when it died explains more than the trouble that others have without it.
    failure ??= error instanceof Error ? error : new Error(String(error));
  }
  if (signal.aborted) say('Stopping: agent, ingest, broker, database, simulators');
  await lifecycle.close();
  if (failure !== undefined) {
    if (isFieldlineError(failure)) throw failure;
    process.exitCode = 1;
    process.stderr.write(`${failure.message}\n`);
  }
}

/** The time between start and stop. False if the balance was asked for and does not close. */
async function attend(
  line: Line,
  options: DemoOptions,
  signal: AbortSignal,
  hasFailed: () => boolean,
): Promise<boolean> {
  const pool = new pg.Pool({ connectionString: line.databaseUrl, max: 2, options: '-c search_path=fieldline' });
  // A connection that is idle when the database goes: the next query says it.
  pool.on('error', () => {});
  const query: Query = async <Row>(sql: string) => (await pool.query(sql)).rows as Row[];
  try {
    for (const [name, place] of Object.entries(line.places)) say(`  ${name.padEnd(10)} ${shortPath(place)}`);
    say(options.forMs === undefined ? '  Ctrl-C stops it; the next start goes on from there' : '');
    const readBefore = await readInLedger(query);
    const view = createLiveView(line.agentHttpPort, line.ingestHttpPort, query);
    const agentRead = await watch(view, options.forMs, signal);
    if (options.forMs === undefined || hasFailed()) return true;
    await line.agent.stop(20_000);
    return await balance(query, readBefore, agentRead);
  } finally {
    await pool.end();
  }
}

/** Prints a line every two seconds; gives the agent's own count of samples read when it was last asked. */
async function watch(view: LiveView, forMs: number | undefined, signal: AbortSignal): Promise<number | null> {
  const startedAt = performance.now();
  let agentRead: number | null = null;
  const stop = forMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(forMs)]);
  while (await pause(lookEveryMs, stop)) {
    const totals = await view.look();
    agentRead = totals.read ?? agentRead;
    say(liveLine(performance.now() - startedAt, totals));
  }
  const last = await view.look();
  return last.read ?? agentRead;
}

/** Counts again until the last rows are there, within `settleMs`. */
async function balance(query: Query, readBefore: number, agentRead: number | null): Promise<boolean> {
  const deadline = performance.now() + settleMs;
  for (;;) {
    const audit = await runAudit(query);
    const result = summary(audit, agentRead, audit.read - readBefore);
    if (result.closes || performance.now() > deadline) {
      say(`\n${result.text}`);
      return result.closes;
    }
    await pause(500);
  }
}

/** Samples read, as the gateways stated them; 0 while the tables are not there. */
async function readInLedger(query: Query): Promise<number> {
  try {
    return (await runAudit(query)).read;
  } catch {
    return 0;
  }
}

const shortPath = (place: string): string => {
  const path = relative(process.cwd(), place);
  return place.startsWith('/') && !path.startsWith('..') && path !== '' ? path : place;
};

// The parts are stopped in order then too.
endWithoutReader(() => process.kill(process.pid, 'SIGTERM'));
if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) process.stdout.write(usage);
else await runProgram(work);
