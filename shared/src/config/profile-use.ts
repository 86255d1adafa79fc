/** How a device of the settings takes its tags from a profile, and what it wants otherwise. */
import { z } from 'zod';
import { modbusWriteSchema } from './modbus-write.ts';
import { deadbandShape, keepingShape, tagDescriptionShape } from './tag-shapes.ts';
import { durationMs, id } from './units.ts';

/** What an installation may want otherwise than a profile. What stands in which register is the profile's alone. */
export const overrideSchema = z.strictObject({
  everyMs: durationMs.optional(),
  ...deadbandShape,
  ...keepingShape,
  description: tagDescriptionShape.description,
  minimum: tagDescriptionShape.minimum,
  maximum: tagDescriptionShape.maximum,
  write: modbusWriteSchema.optional(),
});

export const profileUseShape = {
  profile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'where the tags come from: a shipped one, e.g. eastron/sdm630 (`fieldline-edge profiles list`), or a file, e.g. ./my-meter.yaml, relative to the settings file',
    ),
  only: z
    .array(id)
    .min(1)
    .optional()
    .describe('the tags and groups of the profile that are read; without it, all of them'),
  override: z
    .record(id, overrideSchema)
    .optional()
    .describe(
      'by the name of a tag or a group of the profile: its own everyMs, deadband, heartbeatMs, class, thinToMs, description, minimum, maximum, write; a tag wins over its group',
    ),
};
