import { FieldlineError } from '@fieldline/shared/contracts';
import { counted, grouped } from '@fieldline/shared/runtime';
import { wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import { openBackbone } from '../backbone/open-backbone.ts';
import { describeLetter } from '../dead-letters/describe-letter.ts';
import { describeLetters } from '../dead-letters/describe-letters.ts';
import { describeOutcome, describeTally } from '../dead-letters/describe-redrive.ts';
import { type LetterArguments, parseLetterArguments } from '../dead-letters/letter-arguments.ts';
import { jsonOf } from '../dead-letters/letter-json.ts';
import { countLetters, listLetters, readLetter } from '../dead-letters/letters.ts';
import { createRedrive } from '../dead-letters/redrive.ts';
import { addOutcome, emptyTally, lettersOf } from '../dead-letters/redrive-many.ts';
import { publishTo } from '../normalised/publish.ts';
import { openStore, type Store } from '../store/connection.ts';
import { editionOfSchema } from '../store/migrate.ts';
import type { Publish } from '../store/write-rows.ts';
import { untilAvailable } from '../until-available.ts';
import type { CommandParts } from './command.ts';

export const usage = `fieldline-ingest dead-letters list    --config FILE [filters] [--state open|redriven|all] [--limit N] [--after ID] [--json]
fieldline-ingest dead-letters show    --config FILE ID [--full] [--json]
fieldline-ingest dead-letters redrive --config FILE ID… | filters | --all [--position N,N-N…] [--dry-run]

What could not be stored, kept with its bytes and the reason.

  list      how many there are of each code, then the newest, a page at a time
  show      one of them with all that is known of it: its bytes, or what they say
  redrive   tries again with the code and the settings of today, through the same ledger, so that nothing is stored twice,
            beside whatever runs. What fails again stays a dead letter, with its newest reason, and the exit code is 1.

filters:
  --gateway ID   --code CODE   --stage bridge|decode|ledger|store
  --from TIME    --to TIME     received from TIME on, and before TIME: 2026-03-01T12:00:00Z, or a day (UTC)

options:
  --state STATE    open (the default), redriven or all
  --limit N        letters of one page, 20 unless told otherwise, at most 2000
  --after ID       the page that follows: what \`list\` says at its end
  --json           for programs
  --full           the bytes and samples to their end
  --all            every open letter
  --position LIST  of one letter about samples: only these positions in its batch, such as 3 or 0-4,7
  --dry-run        does everything and takes it back: tells what would happen
`;

/** @throws FieldlineError arguments/invalid, arguments/unknown, redrive/incomplete, and those of the database */
export async function run(parts: CommandParts): Promise<void> {
  const wanted = parseLetterArguments(parts.args);
  if (typeof wanted === 'string') throw wrongArguments(wanted, usage);
  const store = openStore(parts.config.database, 'fieldline-dead-letters', 1);
  try {
    await store.withSession((session) => editionOfSchema(session, parts.config.database.schema));
    if (wanted.action === 'list') await list(store, wanted, parts);
    else if (wanted.action === 'show') await show(store, wanted, parts);
    else await redrive(store, wanted, parts);
  } finally {
    await store.close();
  }
}

type Wanted<Action extends LetterArguments['action']> = Extract<LetterArguments, { action: Action }>;

async function list(
  store: Store,
  { filter, after, limit, json }: Wanted<'list'>,
  { say }: CommandParts,
): Promise<void> {
  const [counts, found] = await store.withSession(async (session) => [
    await countLetters(session, { ...filter, state: 'all' }),
    // The one too many tells that there is another page.
    await listLetters(session, filter, after, limit + 1),
  ]);
  const page = found.slice(0, limit);
  const next = found.length > limit ? (page.at(-1)?.id ?? null) : null;
  if (json) say(jsonOf({ counts, items: page, next }));
  else for (const line of describeLetters(counts, page, next)) say(line);
}

async function show(store: Store, { id, isFull, json }: Wanted<'show'>, { say, callOf }: CommandParts): Promise<void> {
  const letter = await store.withSession((session) => readLetter(session, id));
  if (letter === null)
    throw new FieldlineError(
      'arguments/unknown',
      `there is no dead letter ${id}: \`${callOf('dead-letters')} list --state all\` lists them`,
    );
  if (json) say(jsonOf(letter));
  else for (const line of describeLetter(letter, isFull)) say(line);
}

const tellEvery = 1_000;

async function redrive(store: Store, wanted: Wanted<'redrive'>, parts: CommandParts): Promise<void> {
  const { config, clock, log } = parts;
  const { normalisedTopic } = config.processor;
  if (normalisedTopic === undefined) return redriveAll(store, wanted, parts, undefined);
  const backbone = await openBackbone(config.backbone, clock, log);
  try {
    return await redriveAll(store, wanted, parts, publishTo(backbone, normalisedTopic));
  } finally {
    await backbone.close();
  }
}

async function redriveAll(
  store: Store,
  { letters, positions, dryRun }: Wanted<'redrive'>,
  { config, log, signal, say }: CommandParts,
  publish: Publish | undefined,
): Promise<void> {
  const edition = await store.withSession((session) => editionOfSchema(session, config.database.schema));
  const redriveLetter = createRedrive({ store, edition, window: config.processor, publish });
  const tally = emptyTally();
  for await (const id of lettersOf(store, letters)) {
    if (signal.aborted) break;
    const outcome = await untilAvailable({ log, signal }, () => redriveLetter(id, { positions, dryRun }));
    addOutcome(tally, id, outcome);
    if (letters.kind === 'ids') say(describeOutcome(id, outcome));
    else if (tally.letters % tellEvery === 0) say(`${grouped(tally.letters)} letters so far`);
  }
  for (const line of describeTally(tally, dryRun)) say(line);
  if (signal.aborted)
    throw new FieldlineError('redrive/incomplete', 'stopped before the end: run it again for the rest');
  if (tally.remaining > 0) {
    throw new FieldlineError(
      'redrive/incomplete',
      `${tally.remaining} of ${counted(tally.letters, 'letter')} could not be redriven: mend what is said above and try again`,
    );
  }
}
