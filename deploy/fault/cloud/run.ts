/** Faults by a seed, each once and then at random, on a cloud that real agents feed; then the evidence. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Lifecycle } from '@fieldline/shared/runtime';
import { temporaryFolder } from '@fieldline/shared/testing/temporary-folder';
import { type Audit, openFindings, runAudit } from '../../demo/audit.ts';
import { judge } from '../../test/line/judge.ts';
import { settle } from '../settle.ts';
import { strikeAll } from '../strike-all.ts';
import { faults, type Struck } from './faults.ts';
import { comparePublished, publishedBatches } from './published.ts';
import { type Cloud, startCloud } from './servers.ts';
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
    const counts = await strikeAll({ ...options, faults, struck, mostBetweenMs });
    say('all parts run again: settling');
    const unsettled = await settle(sites, () => openStreams(cloud));
    if (signal.aborted) say('stopped early: what there is, is judged');
    const result = await report(struck, sites, counts);
    const findings = [...unsettled, ...result.findings];
    if (findings.length > 0) keepLogs(options.logFolder, cloud, sites);
    return { ...result, findings };
  } finally {
    await lifecycle.close();
  }
}

/** Streams with batches that are nowhere, and gateways that have ended without their last word, a sentence each. */
async function openStreams({ query }: Cloud): Promise<string[]> {
  const rows = await query<{ sentence: string }>(
    `SELECT gateway || ': stream ' || stream || ' lacks ' || missing AS sentence
     FROM stream, LATERAL (SELECT int8multirange(int8range(1, last_seq + 1)) - committed - declared - dead AS missing) AS open
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
