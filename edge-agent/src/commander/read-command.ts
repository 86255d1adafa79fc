/** From the payload to a command, or to what can be answered about one that is none. Pure. */
import {
  type CommandMessage,
  commandSchema,
  decodeMessage,
  type Micros,
  maxCommandBytes,
} from '@fieldline/shared/contracts';
import { z } from 'zod';

/** `id` and `expires` as far as they can be read all the same: who sent it waits for an answer to its id. */
export type Malformed = { readonly why: string; readonly id: string | null; readonly expires: Micros | null };

const { id, expires } = commandSchema.shape;
const legible = z.object({ id: id.nullable().catch(null), expires: expires.nullable().catch(null) });

export function readCommand(bytes: Buffer, gateway: string): CommandMessage | Malformed {
  // What is as large as no command is not parsed.
  if (bytes.length > maxCommandBytes) {
    return { why: `${bytes.length} bytes; the bound is ${maxCommandBytes}`, id: null, expires: null };
  }
  try {
    return decodeMessage(commandSchema, bytes, gateway);
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error), ...legibleOf(bytes) };
  }
}

function legibleOf(bytes: Buffer): z.infer<typeof legible> {
  try {
    return legible.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    return { id: null, expires: null };
  }
}
