import { z } from 'zod';
import { filePath } from './units.ts';

const megabyte = 1024 ** 2;

/** The last frames of each Modbus link, for whoever has to find out what a device really says. */
export const flightRecorderSchema = z.strictObject({
  memoryBytes: z
    .int()
    .min(0)
    .max(256 * megabyte)
    .default(4 * megabyte)
    .describe(
      'for the last frames of all Modbus links together, a kilobyte each at least; /modbus.pcapng gives them. 0 keeps none',
    ),
  folder: filePath
    .optional()
    .describe('where the frames of a link are written to when a unit falls silent or sends nonsense; absent: nowhere'),
  maxFiles: z.int().min(1).max(1_000).default(20).describe('in the folder; the oldest goes'),
});
export type FlightRecorderSettings = z.infer<typeof flightRecorderSchema>;
