/**
 * Runs the agent until it is stopped. Where the patterns of the settings stand for other tags than before, all parts are closed in order
 * and started with the new tags, within the process: what is in the journal stays, and is sent on under a new stream. A server that changes
 * again and again cannot keep the agent starting: between two starts is a minute at least, then two, four, up to an hour.
 */
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import { createHealth, createMetrics, pause, untilAborted } from '@fieldline/shared/runtime';
import { type AgentParts, startAgent } from './agent.ts';
import { type KnownTags, readKnownTags } from './drivers/opcua/nodes/found-tags.ts';
import { foundTagsFile, resolvePaths } from './resolve-paths.ts';
import { createTagKeeper } from './tag-keeper.ts';

export type RunParts = Pick<AgentParts, 'clock' | 'log' | 'configFolder'> & {
  /** Pauses between two starts; by default as above. */
  readonly restarts?: { readonly settleMs: number; readonly firstMs: number; readonly maxMs: number };
};

/** So that servers that are looked at one after the other cost one start. */
const defaults = { settleMs: 2_000, firstMs: 60_000, maxMs: 3_600_000 };
/** What is not confirmed by then is sent after the start. */
const drainMs = 500;

/** @throws FieldlineError journal/in-use, journal/foreign */
export async function runAgent(stated: EdgeConfig, parts: RunParts, signal: AbortSignal): Promise<void> {
  const { clock, log, configFolder, restarts: { settleMs, firstMs, maxMs } = defaults } = parts;
  const file = foundTagsFile(resolvePaths(stated, configFolder));
  const keeper = createTagKeeper(stated, knownTags(file, stated, log), { file, clock, log });
  let betweenMs = 0;
  while (!signal.aborted) {
    const startedMs = clock.monotonicMs();
    const changed = keeper.changed();
    const agent = await startAgent(keeper.settings(), {
      clock,
      log,
      configFolder,
      metrics: createMetrics({ rests: true }),
      health: createHealth(),
      takeFound: keeper.take,
    });
    await Promise.race([changed, untilAborted(signal)]);
    const ranMs = clock.monotonicMs() - startedMs;
    await pause(Math.max(settleMs, betweenMs - ranMs), signal);
    betweenMs = nextBetween(betweenMs, ranMs, { firstMs, maxMs });
    if (!signal.aborted) log.info('the patterns of the settings stand for other tags: starting with these');
    else log.info('stopping');
    await agent.close(...(signal.aborted ? [] : [drainMs]));
    await keeper.settled();
  }
}

/** How long the next start is from the one before at least; one that ran long begins anew. */
export const nextBetween = (
  betweenMs: number,
  ranMs: number,
  { firstMs, maxMs }: { readonly firstMs: number; readonly maxMs: number },
): number => (ranMs > maxMs ? firstMs : Math.min(maxMs, Math.max(firstMs, betweenMs * 2)));

/** A file that cannot be read is no reason not to start: what it held is found again. */
function knownTags(file: string, { devices }: EdgeConfig, log: RunParts['log']): KnownTags {
  if (devices.every((device) => device.protocol !== 'opcua' || device.patterns.length === 0)) return {};
  try {
    return readKnownTags(file);
  } catch (error) {
    log.warn({ file, err: error }, 'the tags of patterns cannot be read, and are looked for anew');
    return {};
  }
}
