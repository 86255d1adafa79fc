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
      `when the journal is full, the oldest samples of the lowest class go first, in the order ${tagClasses.join(', ')}; absent: ${defaultClass}`,
    ),
  thinToMs: durationMs
    .optional()
    .describe(
      'when the journal is full, samples that were never sent are thinned to one in this time, and each change of quality, before any are dropped',
    ),
};

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
