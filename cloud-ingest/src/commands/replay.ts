import { backboneTopics, FieldlineError, type Micros } from '@fieldline/shared/contracts';
import { counted, grouped } from '@fieldline/shared/runtime';
import { parseCommandArgs, wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import { openBackbone } from '../backbone/open-backbone.ts';
import { isoOf, microsOf } from '../instant.ts';
import type { PlanPart, ReplayFilter } from '../replay/plan.ts';
import { type Progress, planReplay, runReplay } from '../replay/replay.ts';
import type { Left, Tally } from '../replay/tally.ts';
import { openStore } from '../store/connection.ts';
import { editionOfSchema } from '../store/migrate.ts';
import { untilAvailable } from '../until-available.ts';
import type { CommandParts } from './command.ts';

export const usage = `fieldline-ingest replay --config FILE --from TIME --to TIME
                          [--by sample|received] [--gateway ID] [--device ID] [--rate N] [--dry-run]

Writes batches again from their records in the backbone, each in the place of its old rows: with the registry as it is now
for the time of each sample, e.g. after a wrong scale was corrected. Latest values, counts and dead letters follow, and the
aggregates that were touched are refreshed. Runs beside live data, and waits while that is late.

  --from, --to  the range, ISO 8601 (2026-03-01, 2026-03-01T12:00:00Z); --to is not included
  --by          sample    batches with a sample in the range (default). A batch without rows has no such time
                received  batches that the cloud received in the range
  --gateway     only its batches
  --device      only batches with a sample of the device (with --gateway); they are written again whole
  --rate        samples per second; default: half of what it could do
  --dry-run     tells what would be done

Left as they are, and listed: batches whose record the backbone no longer has, and batches with rows so old that retention
may have removed some. If there are any, the exit code is 1. Stopping it (Ctrl-C) or running it twice does no harm.
`;

/** @throws FieldlineError replay/incomplete when a batch was left as it is */
export async function run({ config, args, clock, log, signal, say }: CommandParts): Promise<void> {
  const asked = askedBy(args);
  const store = openStore(config.database, 'fieldline-replay', 3);
  const backbone = await openBackbone(config.backbone, clock, log);
  try {
    const edition = await untilAvailable({ log, signal }, () =>
      store.withSession((session) => editionOfSchema(session, config.database.schema)),
    );
    const parts = {
      ...asked,
      store,
      edition,
      backbone,
      topic: backboneTopics.raw,
      database: config.database,
      processor: config.processor,
      clock,
      log,
    };
    const plan = await untilAvailable({ log, signal }, () => planReplay(parts));
    for (const line of planLines(plan.parts, asked.filter)) say(line);
    if (asked.dryRun) return;
    const startedMs = clock.monotonicMs();
    const onProgress = (progress: Progress): void =>
      say(progressLine(progress, (clock.monotonicMs() - startedMs) / 1_000));
    const tally = await runReplay({ ...parts, onProgress, signal }, plan);
    for (const line of resultLines(tally)) say(line);
    checkComplete(plan.parts, tally, signal.aborted);
  } finally {
    await backbone.close();
    await store.close();
  }
}

function askedBy(args: readonly string[]) {
  const { values, positionals } = parseCommandArgs(args, usage, {
    from: { type: 'string' },
    to: { type: 'string' },
    by: { type: 'string', default: 'sample' },
    gateway: { type: 'string' },
    device: { type: 'string' },
    rate: { type: 'string' },
    'dry-run': { type: 'boolean', default: false },
  });
  const wrong = (what: string): never => {
    throw wrongArguments(what, usage);
  };
  if (positionals.length > 0) wrong(`what is ${positionals.join(' ')}?`);
  const by = values.by === 'sample' || values.by === 'received' ? values.by : wrong('--by is sample or received');
  const rate = values.rate === undefined ? null : Number(values.rate);
  if (rate !== null && !(Number.isFinite(rate) && rate >= 1))
    wrong('--rate is a number of samples per second, at least 1');
  if (values.device !== undefined && values.gateway === undefined) wrong('--device needs --gateway');
  const instant = (name: 'from' | 'to'): Micros => {
    const time = microsOf(values[name] ?? '');
    return time ?? wrong(`--${name} is a time such as 2026-03-01 or 2026-03-01T12:00:00Z`);
  };
  const filter: ReplayFilter = { by, from: instant('from'), to: instant('to'), gateway: values.gateway ?? null };
  if (filter.from >= filter.to) wrong('--from must be before --to');
  return { filter, device: values.device ?? null, samplesPerSecond: rate, dryRun: values['dry-run'] };
}

const contentOf = (batches: number, samples: number): string =>
  `${counted(batches, 'batch', 'batches')}, ${counted(samples, 'sample')}`;
const iso = (time: Micros | null): string => (time === null ? '–' : isoOf(time));
const batchesOf = (parts: readonly { readonly batches: number }[]): number =>
  parts.reduce((sum, { batches }) => sum + batches, 0);

const fates = {
  repairable: 'to write again',
  expired: 'left: retention of raw rows has passed, or is about to pass, the time of its samples',
  gone: 'left: the backbone no longer has the records',
} as const;

function* planLines(plan: readonly PlanPart[], { by, from, to }: ReplayFilter): Generator<string> {
  yield `batches ${by === 'sample' ? 'with samples' : 'received'} from ${iso(from)} to ${iso(to)}: ${batchesOf(plan)}`;
  for (const { fate, partition, batches, samples, fromOffset, toOffset, fromTime, toTime } of plan)
    yield `  partition ${partition}, offsets ${fromOffset}–${toOffset}: ${contentOf(batches, samples)} of ${iso(fromTime)} – ${iso(toTime)} (${fates[fate]})`;
}

function progressLine({ planned, tally, waits }: Progress, seconds: number): string {
  const samples = tally.stored + tally.rejected;
  const rate = Math.round(samples / Math.max(seconds, 0.001));
  return `${grouped(tally.batches)} of ${counted(planned, 'batch', 'batches')}, ${counted(samples, 'sample')}, ${grouped(rate)}/s${waits ? '; waiting: live data is late' : ''}`;
}

const leftWhy = {
  unread: 'the backbone lost the records meanwhile',
  differs: 'the records are not these batches: the topic was made again',
  unknown: 'log or ledger no longer have them',
} as const;

const leftLine = ({ why, partition, batches, samples, fromOffset, toOffset }: Left): string =>
  `  partition ${partition}, offsets ${fromOffset}–${toOffset}: ${contentOf(batches, samples)} left: ${leftWhy[why]}`;

function* resultLines(tally: Tally): Generator<string> {
  yield `written again: ${counted(tally.batches, 'batch', 'batches')}, ${counted(tally.stored, 'sample')} stored, ${counted(tally.rejected, 'dead letter')}`;
  if (tally.passedOver > 0) yield `without a sample of the device: ${counted(tally.passedOver, 'batch', 'batches')}`;
  if (tally.absent > 0)
    yield `of the old rows ${grouped(tally.absent)} ${tally.absent === 1 ? 'was' : 'were'} not there any more`;
  if (tally.minutes > 0) yield `aggregates: those of ${counted(tally.minutes, 'minute')}, and of their hours and days`;
  for (const left of tally.leftBehind()) yield leftLine(left);
}

function checkComplete(plan: readonly PlanPart[], tally: Tally, stopped: boolean): void {
  if (stopped)
    throw new FieldlineError(
      'replay/incomplete',
      'stopped before the end: what is written is whole; run it again for the rest',
    );
  const left = batchesOf(plan.filter(({ fate }) => fate !== 'repairable')) + batchesOf(tally.leftBehind());
  if (left > 0)
    throw new FieldlineError(
      'replay/incomplete',
      `${counted(left, 'batch was left as it is', 'batches were left as they are')}: see the list above`,
    );
}
