/** What a tag states whatever its protocol; deadband and keeping may be stated by its device for all of its tags. */
import { z } from 'zod';
import { defaultClass, tagClasses } from '../contracts/tag-class.ts';
import { durationMs } from './units.ts';

export const deadbandShape = {
  deadband: z
    .number()
    .nonnegative()
    .optional()
    .describe('a change of at most this much is held back; absent or 0: every change passes'),
  heartbeatMs: durationMs.optional().describe('a sample passes at least this often, changed or not'),
};

/** What becomes of samples when the journal is full. */
export const keepingShape = {
  class: z
    .enum(tagClasses)
    .optional()
    .describe(
      `when the journal is full, the oldest samples of the lowest class go first, in the order ${tagClasses.join(', ')}; absent: ${defaultClass}. Where a Modbus link cannot be read as often as is asked for, the requests of the higher class keep their periods`,
    ),
  thinToMs: durationMs
    .optional()
    .describe(
      'when the journal is full, samples that were never sent are thinned to one in this time, and each change of quality, before any are dropped; longer than the time between two samples',
    ),
};

type Thinned = { readonly thinToMs?: number | undefined };

/**
 * Where `thinToMs` thins nothing, since samples are that far apart anyway. `periodMsOf`: of a tag, as the setting `period` says it. What
 * a device states is for all of its tags that do not state it themselves, and may be of use to some of these only.
 */
export function thinningProblems<T extends Thinned>(
  device: Thinned & { readonly tags: readonly T[] },
  period: string,
  periodMsOf: (tag: T) => number,
): { readonly path: (string | number)[]; readonly message: string }[] {
  const problem = (path: (string | number)[], periodMs: number) => ({
    path: [...path, 'thinToMs'],
    message: `thins nothing, since samples are ${periodMs} ms apart (${period}): state a longer time, such as ${periodMs * 10}, or leave it out`,
  });
  const ofTags = device.tags.flatMap((tag, position) => {
    const periodMs = periodMsOf(tag);
    return tag.thinToMs !== undefined && tag.thinToMs <= periodMs ? [problem(['tags', position], periodMs)] : [];
  });
  const shortestMs = Math.min(...device.tags.filter(({ thinToMs }) => thinToMs === undefined).map(periodMsOf));
  const isOfNoUse = device.thinToMs !== undefined && Number.isFinite(shortestMs) && device.thinToMs <= shortestMs;
  return isOfNoUse ? [problem([], shortestMs), ...ofTags] : ofTags;
}

export const tagDescriptionShape = {
  unit: z.string().min(1).max(64).optional(),
  description: z.string().min(1).max(512).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
};

export const isRange = ({
  minimum,
  maximum,
}: {
  minimum?: number | undefined;
  maximum?: number | undefined;
}): boolean => minimum === undefined || maximum === undefined || minimum <= maximum;
export const notARange = { path: ['maximum'], error: 'must not be below minimum' };
