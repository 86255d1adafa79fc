/** GET /api/v1/balance: the message balance of the line (design, contract 12), as `src/balance` reads it from the ledger. */
import type { Clock } from '@fieldline/shared/runtime';
import { z } from 'zod';
import { type GatewayBalance, readBalance } from '../balance/balance.ts';
import type { Database } from './database.ts';
import { countDoubled } from './doubled.ts';
import { type Http, replies } from './http.ts';

const samples = (text: string) => z.int().describe(`samples ${text}`);
const batches = (text: string) => z.int().describe(`batches ${text}`);

const counts = {
  read: samples('that the drivers have given'),
  filtered: samples('that the filter has held back'),
  received: samples('that have come, duplicates included'),
  stored: samples('that are rows'),
  duplicate: samples('that came again and were dropped'),
  rejected: samples('that cannot be stored and are dead letters'),
  declared: samples('in batches that the gateways declared lost, or taken out of others where a journal was full'),
  open: samples('on their way: read − filtered − stored − rejected − declared'),
  deadBatches: batches('that are dead letters as a whole'),
  duplicateBatches: batches('that came again and were dropped'),
  missingBatches: batches('known to exist and not here'),
  heldBatches: batches('of these that the gateways still hold'),
  uncountedLosses: z
    .int()
    .describe(
      'losses declared without a number of samples, e.g. of the time before a restart: in none of the other counts',
    ),
};

const gatewayBalanceSchema = z
  .strictObject({
    gateway: z.string(),
    ...counts,
    tailUnknown: z.boolean().describe('the gateway vanished: nobody can tell what it made after the last batch known'),
    completeness: z
      .number()
      .describe(
        'share of what passed the filter that is stored, 0–1, of what was counted: where `uncountedLosses` is not 0, more is ' +
          'lost, and nobody can tell how much',
      ),
    closed: z
      .boolean()
      .describe('everything that was counted as read is stored, filtered, or lost with a known reason'),
  })
  .meta({ id: 'GatewayBalance' });

export const balanceSchema = z
  .strictObject({
    ...counts,
    missing: batches('that are neither here nor held nor declared: an alarm'),
    doubled: z
      .int()
      .nullable()
      .describe(
        'rows too many: the rows of each batch that was received in the hour before `doubledCountedAt`, counted anew against ' +
          'what the batch brought; null until a count is done',
      ),
    doubledCountedAt: z.iso
      .datetime()
      .nullable()
      .describe(
        'when `doubled` was counted. A count begins when this route is asked, runs beside the answer, and rests 20 times as ' +
          'long as it took, at least 5 s; after a minute in which nobody asked it begins anew with null',
      ),
    gateways: z.array(gatewayBalanceSchema),
  })
  .meta({ id: 'Balance' });
export type Balance = z.infer<typeof balanceSchema>;

export function balanceRoutes(http: Http, database: Database, clock: Clock): void {
  const doubled = countDoubled(database, clock);
  http.get(
    '/api/v1/balance',
    {
      schema: {
        summary: 'The message balance: where every sample that was read is now',
        tags: ['proof'],
        querystring: z.strictObject({}),
        response: replies(balanceSchema),
      },
    },
    async () => {
      const gateways = await readBalance(database);
      return { ...sumOf(gateways), ...doubled.last(), gateways };
    },
  );
}

function sumOf(gateways: readonly GatewayBalance[]) {
  const sum = (name: keyof typeof counts): number => gateways.reduce((total, gateway) => total + gateway[name], 0);
  const [missingBatches, heldBatches] = [sum('missingBatches'), sum('heldBatches')];
  return {
    read: sum('read'),
    filtered: sum('filtered'),
    received: sum('received'),
    stored: sum('stored'),
    duplicate: sum('duplicate'),
    rejected: sum('rejected'),
    declared: sum('declared'),
    open: sum('open'),
    deadBatches: sum('deadBatches'),
    duplicateBatches: sum('duplicateBatches'),
    missingBatches,
    heldBatches,
    uncountedLosses: sum('uncountedLosses'),
    missing: missingBatches - heldBatches,
  };
}
