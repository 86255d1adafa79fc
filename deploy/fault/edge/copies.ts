/** What becomes of a gateway that is there twice, or that is put back: nothing lost, nothing doubled, and noticed. */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { explain, type Lifecycle } from '@fieldline/shared/runtime';
import { waitFor } from '@fieldline/shared/testing/wait-for';
import { systemsClock } from './clock.ts';
import { judgeSite } from './evidence.ts';
import type { Line } from './line.ts';
import { type Agent, createAgent, type Site, startSite } from './site.ts';

type Place = { readonly line: Line; readonly folder: string; readonly lifecycle: Lifecycle };
type Scenario = {
  readonly name: string;
  readonly gateway: string;
  /** Gives the agents that read the devices of the site. */
  readonly play: (place: Place, site: Site) => Promise<readonly Agent[]>;
};

const noticedWithinMs = 90_000;
const mostUnderWay = 4;

const scenarios: readonly Scenario[] = [
  {
    name: 'cloned card',
    gateway: 'cloned',
    play: async (place, site) => {
      await rowsOf(place.line, site.gateway);
      await site.agent.kill();
      const copy = copyOf(site);
      const clone = await twinOf(place, site, copy);
      await Promise.all([site.agent.start(), clone.start()]);
      await anomalyOf(place.line, site.gateway, ['forked-stream']);
      return drainInTurn(clone, site.agent);
    },
  },
  {
    name: 'restored image',
    gateway: 'restored',
    play: async ({ line }, site) => {
      await rowsOf(line, site.gateway);
      await site.agent.stop();
      const copy = copyOf(site);
      await site.agent.start();
      await drained(site.agent);
      await site.agent.stop();
      rmSync(site.journalFolder, { recursive: true });
      cpSync(copy, site.journalFolder, { recursive: true });
      await site.agent.start();
      await anomalyOf(line, site.gateway, ['forked-stream', 'restored-journal']);
      await drained(site.agent);
      await site.agent.stop();
      return [site.agent];
    },
  },
  {
    name: 'two gateways with one id',
    gateway: 'twice',
    play: async (place, site) => {
      await rowsOf(place.line, site.gateway);
      const other = await twinOf(place, site, join(place.folder, site.gateway, 'other-journal'));
      await other.start();
      await waitFor(async () => (await saysUsedTwice(site.agent)) || (await saysUsedTwice(other)), {
        timeoutMs: noticedWithinMs,
        what: 'an agent to say that its id is used twice',
      });
      return drainInTurn(other, site.agent);
    },
  },
];

/** What is not as it must be, a sentence each. */
export async function copyScenarios(
  line: Line,
  folder: string,
  lifecycle: Lifecycle,
  say: (line: string) => void,
): Promise<string[]> {
  const findings = await Promise.all(
    scenarios.map(async ({ name, gateway, play }) => {
      say(`${name}: plays`);
      const site = await startSite({
        gateway,
        folder,
        brokerPort: line.broker.port,
        withOpcua: false,
        isFull: false,
        ownDisk: false,
        ownClock: false,
        lifecycle,
      });
      try {
        const agents = await play({ line, folder, lifecycle }, site);
        await waitFor(async () => (await lackingBatches(line, gateway)) === 0, {
          timeoutMs: 30_000,
          what: 'every batch to be stored',
        });
        const ends = agents.flatMap((agent) => agent.ends).sort((one, other) => one.atMs - other.atMs);
        const starts = agents.flatMap((agent) => agent.starts);
        const verdict = await judgeSite(line, { ...site, ends, starts });
        say(`${name}: noticed; ${verdict.served} values served, ${verdict.rows} rows`);
        return verdict.findings.map((finding) => `${name}: ${finding}`);
      } catch (error) {
        return [`${name}: ${explain(error)}`];
      }
    }),
  );
  return findings.flat();
}

/** Beside the journal: another agent's disk. */
function copyOf({ journalFolder }: Site): string {
  const copy = `${journalFolder}-copy`;
  cpSync(journalFolder, copy, { recursive: true });
  return copy;
}

/** A second agent with the same id, which reads the same devices. */
async function twinOf({ folder, line, lifecycle }: Place, site: Site, journalFolder: string): Promise<Agent> {
  const { gateway, devices } = site;
  const own = join(folder, gateway, 'twin');
  mkdirSync(own, { recursive: true });
  const settings = {
    gateway,
    folder: own,
    journalFolder,
    devices,
    brokerPort: line.broker.port,
    clock: systemsClock,
    isFull: false,
  };
  const twin = await createAgent(settings);
  lifecycle.add(`twin of ${gateway}`, twin.kill);
  return twin;
}

async function rowsOf({ query }: Line, gateway: string): Promise<void> {
  const rows = async (): Promise<boolean> => {
    const [row] = await query<{ stored: number }>(
      'SELECT coalesce(sum(stored), 0)::int AS stored FROM stream WHERE gateway = $1',
      [gateway],
    );
    return (row?.stored ?? 0) > 50;
  };
  await waitFor(rows, { timeoutMs: 30_000, what: `rows of ${gateway}` });
}

async function anomalyOf({ query }: Line, gateway: string, kinds: readonly string[]): Promise<void> {
  const there = async (): Promise<boolean> =>
    (await query('SELECT FROM anomaly WHERE gateway = $1 AND kind = ANY($2)', [gateway, kinds])).length > 0;
  await waitFor(there, { timeoutMs: noticedWithinMs, what: `the anomaly ${kinds.join(' or ')}` });
}

async function saysUsedTwice({ opsPort }: Agent): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${opsPort}/health/ready`);
  return (await answer.text()).includes('used twice?');
}

const drained = (agent: Agent): Promise<unknown> =>
  waitFor(async () => (await agent.metric('fieldline_journal_unconfirmed_batches')) <= mostUnderWay, {
    timeoutMs: noticedWithinMs,
    what: 'the backlog to drain',
  });

/** Together they throw each other out of the broker: one at a time gets its own through. */
async function drainInTurn(one: Agent, other: Agent): Promise<readonly Agent[]> {
  await Promise.all([one.stop(), other.stop()]);
  for (const agent of [one, other]) {
    await agent.start();
    await drained(agent);
    await agent.stop();
  }
  return [one, other];
}

async function lackingBatches({ query }: Line, gateway: string): Promise<number> {
  const [row] = await query<{ lacking: number }>(
    `SELECT count(*)::int AS lacking FROM stream
     WHERE gateway = $1 AND last_seq > 0 AND NOT (committed + declared + dead) @> int8range(1, last_seq + 1)`,
    [gateway],
  );
  return row?.lacking ?? 0;
}
