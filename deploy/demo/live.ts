/** What the line at the terminal says: read, published and stored from the programs' own counters, the rest from SQL. */
import { type Query, runRecentAudit } from './audit.ts';

export type Totals = {
  readonly read: number | null;
  readonly filtered: number | null;
  readonly published: number | null;
  readonly journalBatches: number | null;
  readonly journalBytes: number | null;
  readonly stored: number | null;
  readonly missing: number | null;
  readonly doubled: number | null;
};

const agentMetrics = {
  read: 'fieldline_agent_samples_read_total',
  filtered: 'fieldline_agent_samples_filtered_total',
  published: 'fieldline_uplink_samples_published_total',
  journalBatches: 'fieldline_journal_unconfirmed_batches',
  journalBytes: 'fieldline_journal_size_bytes',
} as const;
const ingestMetrics = { stored: 'fieldline_processor_samples_stored_total' } as const;

/** Batches that no one holds and no one declared, as the ledger sees it at the moment. */
const missingSql = `
SELECT COALESCE(sum((
  SELECT sum(upper(hole) - lower(hole))
  FROM unnest(int8multirange(int8range(1, last_seq + 1)) - committed - declared - dead - held) AS hole
)), 0)::float8 AS missing FROM stream WHERE last_seq > 0`;

export type LiveView = { readonly look: () => Promise<Totals> };

export function createLiveView(agentPort: number, ingestPort: number, query: Query): LiveView {
  // A batch whose rows do not agree stays counted after it has left the window that is looked at.
  const wrong = new Map<string, number>();

  async function proof(): Promise<{ missing: number | null; doubled: number | null }> {
    try {
      for (const { batch, difference } of await runRecentAudit(query)) wrong.set(batch, difference);
      const differences = [...wrong.values()];
      const sum = (sign: number): number => differences.reduce((total, n) => total + Math.max(0, sign * n), 0);
      const [row] = await query<{ missing: number }>(missingSql);
      return { missing: (row?.missing ?? 0) + sum(-1), doubled: sum(1) };
    } catch {
      // The tables are not there yet, or the database is being started again: shown as unknown.
      return { missing: null, doubled: null };
    }
  }

  return {
    look: async () => {
      const [agent, ingest, counted] = await Promise.all([
        readMetrics(agentPort, agentMetrics),
        readMetrics(ingestPort, ingestMetrics),
        proof(),
      ]);
      return { ...agent, ...ingest, ...counted };
    },
  };
}

async function readMetrics<Name extends string>(
  port: number,
  names: Readonly<Record<Name, string>>,
): Promise<Record<Name, number | null>> {
  const text = await metricsText(port);
  const values = Object.entries<string>(names).map(([key, metric]) => [
    key,
    text === null ? null : sumOf(text, metric),
  ]);
  return Object.fromEntries(values);
}

/** null while the program does not answer. */
async function metricsText(port: number): Promise<string | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(1_500) });
    return await response.text();
  } catch {
    return null;
  }
}

/** The sum over all labels of one metric in Prometheus text format; null if it is not there. */
export function sumOf(text: string, metric: string): number | null {
  let sum: number | null = null;
  for (const line of text.split('\n')) {
    const next = line[metric.length];
    if (!line.startsWith(metric) || (next !== ' ' && next !== '{')) continue;
    sum = (sum ?? 0) + Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return sum;
}

const count = (value: number | null): string => (value === null ? '–' : value.toLocaleString('en-GB'));

export function liveLine(runMs: number, totals: Totals): string {
  const seconds = Math.floor(runMs / 1_000);
  const clock = `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
  const kilobytes = totals.journalBytes === null ? null : Math.round(totals.journalBytes / 1_024);
  return [
    `${clock}  read ${count(totals.read)}`,
    `held back ${count(totals.filtered)}`,
    `published ${count(totals.published)}`,
    `stored ${count(totals.stored)}`,
    `missing ${count(totals.missing)}`,
    `doubled ${count(totals.doubled)}`,
    `journal ${count(totals.journalBatches)} unconfirmed, ${count(kilobytes)} kB`,
  ].join(' · ');
}
