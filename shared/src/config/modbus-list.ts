import { z } from 'zod';
import type { AddressBase } from './modbus-address.ts';
import { mapProblems } from './modbus-placement.ts';
import { modbusTagSchema } from './modbus-tag.ts';

/** Tags of a device of which nothing else is known yet but how it counts its addresses. */
export const tagListSchema = (addressBase: AddressBase) =>
  z.strictObject({ tags: z.array(modbusTagSchema) }).superRefine(({ tags }, context) => {
    for (const [path, message] of mapProblems({ addressBase, maxRegisters: 125, maxBits: 2_000, tags })) {
      context.addIssue({ code: 'custom', path, message });
    }
  });
