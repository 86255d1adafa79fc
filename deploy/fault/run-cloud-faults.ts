/** Faults by a seed, each once and then at random, on a cloud that real agents feed; then the evidence. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explain, Lifecycle, pause } from '@fieldline/shared/runtime';
import { temporaryFolder } from '@fieldline/shared/testing/temporary-folder';
import { waitFor } from '@fieldline/shared/testing/wait-for';
import { type Audit, openFindings, runAudit } from '../demo/audit.ts';
import { judge } from '../test/line/judge.ts';
import { type Cloud, startCloud } from './cloud.ts';
import { type Fault, faults, type Strike, type Struck } from './faults.ts';
import { comparePublished, publishedBatches } from './published.ts';
import { createRandom, type Random } from './random.ts';
import { type Site, startSite } from './site.ts';

export type CloudFaultOptions = {
  readonly seed: number;
  /** Faults that strike. */
  readonly rounds: number;
  readonly gateways: number;
  readonly timescale: boolean;
  /** Where the programs' logs are left when something was found. */
  readonly logFolder: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
};

export type Report = {
  /** How often each fault struck, by its name. */
  readonly struck: ReadonlyMap<string, number>;
  readonly samples: number;
  readonly rows: number;
  readonly served: number;
  readonly audit: Audit;
  readonly poison: number;
  /** What is not as it must be, a sentence each; empty when the run is good. */
  readonly findings: readonly string[];
};

const mostBetweenMs = 2_500;
const settleTimeoutMs = 90_000;
/** Batches that a line that runs well has under way. */
const mostUnderWay = 4;
const agentStarts = 3;
/** What an agent sent before it stopped is stored within this, as a rule. */
const lastWordMs = 8_000;
const retryMs = 500;

export async function runCloudFaults(options: CloudFaultOptions): Promise<Report> {
  const { seed, signal, say } = options;
  const lifecycle = new Lifecycle();
  const folder = temporaryFolder();
  lifecycle.add('folder', () => rmSync(folder, { recursive: true, force: true }));
  try {
    const cloud = await startCloud(folder, options.timescale, lifecycle);
    const sites: Site[] = [];
    for (let number = 1; number <= options.gateways; number++) {
      const site = {
        gateway: `gateway-${number}`,
        seed: seed + number,
        folder,
        brokerUrl: cloud.broker.url,
        lifecycle,
      };
      sites.push(await startSite(site));
    }
    const struck = { cloud, gateways: sites.map(({ gateway }) => gateway), poison: new Set<string>() };
    const counts = await strikeAll(struck, options);
    say('all parts run again: settling');
    const unsettled = await settle(cloud, sites);
    if (signal.aborted) say('stopped early: what there is, is judged');
    const result = await report(struck, sites, counts);
    const findings = [...unsettled, ...result.findings];
    if (findings.length > 0) keepLogs(options.logFolder, cloud, sites);
    return { ...result, findings };
  } finally {
    await lifecycle.close();
  }
}

async function strikeAll(struck: Struck, options: CloudFaultOptions): Promise<Map<string, number>> {
  const { seed, rounds, signal, say } = options;
  const counts = new Map<string, number>();
  const busy = new Map<Fault['part'], Promise<void>>();
  const first = shuffled(faults, createRandom(seed, 0));
  const startedMs = performance.now();
  for (let round = 1; round <= rounds && !signal.aborted; round++) {
    // Of its own for each round: several faults draw at the same time, and the choices must not depend on who comes first.
    const random = createRandom(seed, round);
    await pause(random.between(0, mostBetweenMs), signal);
    const fault = first.shift() ?? drawFault(random);
    await busy.get(fault.part);
    say(
      `${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(7)} s  ${String(round).padStart(4)}  ${fault.name}`,
    );
    counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
    busy.set(fault.part, untilStruck(fault, { ...struck, random }));
  }
  await Promise.all(busy.values());
  return counts;
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const left = [...items];
  return items.map(() => left.splice(random.between(0, left.length - 1), 1)[0] as Item);
}

/** A fault that needs a part that lies down just now waits for it. */
async function untilStruck(fault: Fault, struck: Strike): Promise<void> {
  for (let tries = 60; ; tries--) {
    try {
      await fault.strike(struck);
      return;
    } catch (error) {
      if (tries === 0) throw new Error(`${fault.name}: ${explain(error)}`, { cause: error });
      await pause(retryMs);
    }
  }
}

function drawFault(random: Random): Fault {
  let left = random.next() * faults.reduce((sum, { weight }) => sum + weight, 0);
  for (const fault of faults) {
    left -= fault.weight;
    if (left < 0) return fault;
  }
  return faults[0] as Fault;
}

/**
 * The backlog drains, the agents stop in order, and every batch they ever numbered is stored. A batch that was lost with the
 * broker and was not yet sent again stays in the journal of an agent that stops: its next start sends it. What does not
 * happen in time is a finding.
 */
async function settle(cloud: Cloud, sites: readonly Site[]): Promise<string[]> {
  const findings: string[] = [];
  for (let start = 1; ; start++) {
    for (const { agent, gateway } of sites) {
      const unconfirmed = (): Promise<number> => agent.metric('fieldline_journal_unconfirmed_batches');
      if (!(await soon(async () => (await unconfirmed()) <= mostUnderWay, settleTimeoutMs)))
        findings.push(`${gateway}: ${await unconfirmed()} batches are not confirmed, and no fewer`);
      await agent.stop();
    }
    const stored = async (): Promise<boolean> => (await openStreams(cloud)).length === 0;
    if (await soon(stored, start < agentStarts ? lastWordMs : settleTimeoutMs)) return findings;
    if (start === agentStarts) return [...findings, ...(await openStreams(cloud))];
    for (const { agent } of sites) await agent.start();
  }
}

async function soon(condition: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  try {
    return await waitFor(condition, { timeoutMs, what: 'the line to settle' });
  } catch {
    return false;
  }
}

/** Streams with batches that are nowhere, and gateways that have ended without their last word, a sentence each. */
async function openStreams({ query }: Cloud): Promise<string[]> {
  const rows = await query<{ sentence: string }>(
    `SELECT gateway || ': stream ' || stream || ' lacks ' || missing AS sentence
     FROM stream, LATERAL (SELECT int8multirange(int8range(1, last_seq, '[]')) - committed - declared - dead AS missing) AS open
     WHERE last_seq > 0 AND NOT isempty(missing)
     UNION ALL SELECT gateway || ' has ended and is said to be online' FROM gateway WHERE online`,
  );
  return rows.map(({ sentence }) => sentence);
}

function keepLogs(folder: string, cloud: Cloud, sites: readonly Site[]): void {
  mkdirSync(folder, { recursive: true });
  const [one, two, three] = cloud.processors;
  const programs = { bridge: cloud.bridge, 'processor-1': one, 'processor-2': two, 'processor-3': three };
  const agents = Object.fromEntries(sites.map(({ gateway, agent }) => [gateway, agent]));
  for (const [name, program] of Object.entries({ ...programs, ...agents }))
    writeFileSync(join(folder, `${name}.log`), program.log());
}

async function report(
  { cloud, poison }: Struck,
  sites: readonly Site[],
  struck: ReadonlyMap<string, number>,
): Promise<Report> {
  const findings: string[] = [];
  let [samples, rows, served] = [0, 0, 0];
  for (const { gateway, journalFolder, served: values } of sites) {
    const published = await comparePublished(cloud.databaseUrl, gateway, publishedBatches(journalFolder, gateway));
    samples += published.samples;
    rows += published.rows;
    for (const { sample, published: sent, stored } of published.differences.slice(0, 5))
      findings.push(
        `${gateway}: ${sample} was published ${sent} times and stored ${stored} times (${published.differences.length} such samples)`,
      );
    const verdict = await judge({ served: values, databaseUrl: cloud.databaseUrl, gateway });
    served += verdict.served;
    if (verdict.missing.length > 0)
      findings.push(`${gateway}: ${verdict.missing.length} values that were served are in no row`);
    if (verdict.surplus.length > 0) findings.push(`${gateway}: ${verdict.surplus.length} rows hold what nobody served`);
    if (verdict.wrongBatches !== 0)
      findings.push(`${gateway}: ${verdict.wrongBatches} batches have not as many rows as the ledger says`);
  }
  if (samples === 0) findings.push('nothing was published');
  const audit = await runAudit(async <Row>(sql: string) => (await cloud.query(sql)) as Row[]);
  for (const finding of openFindings(audit))
    findings.push(`the balance does not close: ${finding} is ${audit[finding]}`);
  findings.push(...(await poisonFindings(cloud, poison)));
  return { struck, samples, rows, served, audit, poison: poison.size, findings };
}

/** Each poisoned record is a dead letter, and nothing else is: trouble with servers makes none. */
async function poisonFindings({ query }: Cloud, poison: ReadonlySet<string>): Promise<string[]> {
  const letters = await query<{ text: string }>(
    `SELECT convert_from(bytes, 'UTF8') AS text FROM fieldline.dead_letter`,
  );
  const there = new Set(letters.map(({ text }) => text));
  const lost = [...poison].filter((text) => !there.has(text));
  const unasked = [...there].filter((text) => !poison.has(text));
  return [
    ...(lost.length === 0 ? [] : [`${lost.length} poisoned records are no dead letters, the first: ${lost[0]}`]),
    ...(unasked.length === 0
      ? []
      : [`${unasked.length} dead letters that nobody poisoned, the first: ${unasked[0]?.slice(0, 200)}`]),
  ];
}
