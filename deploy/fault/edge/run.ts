/** Faults by a seed at sites whose agents are real; then the evidence. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Lifecycle } from '@fieldline/shared/runtime';
import { mountedDisk } from '@fieldline/shared/testing/small-disk';
import { temporaryFolder } from '@fieldline/shared/testing/temporary-folder';
import { settle } from '../settle.ts';
import { strikeAll } from '../strike-all.ts';
import { settableClock } from './clock.ts';
import { copyScenarios } from './copies.ts';
import { thinnedSamples } from './declared.ts';
import { judgeSite, type Verdict } from './evidence.ts';
import { faultsWith, type Need } from './faults.ts';
import { checkIntegrity } from './integrity.ts';
import { judgeLedger, type LedgerVerdict, openStreams } from './ledger.ts';
import { type Line, startLine } from './line.ts';
import { type Site, startSite } from './site.ts';

export type EdgeFaultOptions = {
  readonly seed: number;
  /** Faults that strike. */
  readonly rounds: number;
  readonly gateways: number;
  /** Whether cards are cloned and images put back at the end. */
  readonly copies: boolean;
  /** Where the programs' logs are left when something was found. */
  readonly logFolder: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
};

/** The verdicts over all sites and the ledger together; `findings` are a sentence each, and empty when the run is good. */
export type Report = Verdict &
  LedgerVerdict & {
    /** How often each fault struck, by its name. */
    readonly struck: ReadonlyMap<string, number>;
    /** Of journals, whose integrity was checked. */
    readonly files: number;
    /** Samples that were taken out of a full journal, and declared. */
    readonly thinned: number;
  };

const mostBetweenMs = 600;

/** What this machine lacks, a sentence each; faults that need it are left out. */
export const leftOut = (): string[] =>
  [mountedDisk, settableClock].flatMap(({ name, skipReason }) =>
    skipReason === null ? [] : [`faults that need ${name} are left out: ${skipReason}`],
  );

const presentNeeds = (): Need[] => [
  ...(mountedDisk.skipReason === null ? (['tmpfs'] as const) : []),
  ...(settableClock.skipReason === null ? (['faketime'] as const) : []),
];

export const presentFaults = () => faultsWith(presentNeeds());

export async function runEdgeFaults(options: EdgeFaultOptions): Promise<Report> {
  const { say } = options;
  const lifecycle = new Lifecycle();
  const folder = temporaryFolder();
  lifecycle.add('folder', () => rmSync(folder, { recursive: true, force: true }));
  try {
    for (const line of leftOut()) say(line);
    const line = await startLine(folder, lifecycle);
    const sites = await startSites(line, folder, options.gateways, lifecycle);
    const struck = await strikeAll({ ...options, faults: presentFaults(), struck: { line, sites }, mostBetweenMs });
    say('all parts run again: settling');
    const unsettled = await settle(sites, () => openStreams(line));
    if (options.signal.aborted) say('stopped early: what there is, is judged');
    const report = await judge(line, sites);
    const copies = options.copies ? await copyScenarios(line, folder, lifecycle, say) : [];
    const findings = [...unsettled, ...report.findings, ...copies];
    if (findings.length > 0) keepLogs(options.logFolder, line, sites);
    return { struck, ...report, findings };
  } finally {
    await lifecycle.close();
  }
}

/**
 * The first has an OPC UA server too: one is enough, since its library makes each start slower. The last has a journal that is
 * soon full.
 */
async function startSites(line: Line, folder: string, gateways: number, lifecycle: Lifecycle): Promise<Site[]> {
  const needs = presentNeeds();
  const sites: Site[] = [];
  for (let number = 1; number <= gateways; number++) {
    const site = await startSite({
      gateway: `gateway-${number}`,
      folder,
      brokerPort: line.broker.port,
      withOpcua: number === 1,
      isFull: number === gateways,
      ownDisk: needs.includes('tmpfs'),
      ownClock: needs.includes('faketime'),
      lifecycle,
    });
    sites.push(site);
  }
  return sites;
}

async function judge(line: Line, sites: readonly Site[]): Promise<Omit<Report, 'struck'>> {
  const ledger = await judgeLedger(line);
  const findings = [...ledger.findings];
  let [served, rows, declared, clockSet, atEnds, shifted, files] = [0, 0, 0, 0, 0, 0, 0];
  for (const site of sites) {
    const verdict = await judgeSite(line, { ...site, ...site.agent });
    const integrity = checkIntegrity(site.journalFolder);
    served += verdict.served;
    rows += verdict.rows;
    declared += verdict.declared;
    clockSet += verdict.clockSet;
    atEnds += verdict.atEnds;
    shifted += verdict.shifted;
    files += integrity.files;
    findings.push(...verdict.findings, ...integrity.findings.map((finding) => `${site.gateway}: ${finding}`));
    findings.push(...site.agent.failedStarts);
    const crashes = site.agent.crashes();
    if (crashes > 0) findings.push(`${site.gateway}: the agent ended ${crashes} times without being told to`);
  }
  const { audit, goneWithMemory } = ledger;
  const thinned = await thinnedSamples(line);
  return { served, rows, declared, clockSet, atEnds, shifted, goneWithMemory, files, thinned, audit, findings };
}

function keepLogs(folder: string, { ingest, broker }: Line, sites: readonly Site[]): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'ingest.log'), ingest.log());
  writeFileSync(join(folder, 'broker.log'), broker.log());
  for (const { gateway, agent } of sites) writeFileSync(join(folder, `${gateway}.log`), agent.log());
}
