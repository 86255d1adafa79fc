/** What a power cut, a dying card or a careless hand does to the files of a journal. */
import { closeSync, openSync, readSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';

export type Damage =
  | { readonly do: 'flip'; readonly at: number; readonly bits: number }
  | { readonly do: 'zero'; readonly at: number; readonly pages: number }
  | { readonly do: 'truncate'; readonly at: number }
  | { readonly do: 'remove' };

/** `at` is where in the file, from 0 to 1. */
export function damage(file: string, what: Damage): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return;
  if (what.do === 'remove') rmSync(file);
  else if (what.do === 'truncate') truncateSync(file, Math.max(1, Math.floor(size * what.at)));
  else if (what.do === 'zero') {
    const from = Math.floor((size * what.at) / 1_024) * 1_024;
    overwrite(file, from, () => Buffer.alloc(Math.min(what.pages * 1_024, size - from)));
  } else overwrite(file, Math.min(size - 1, Math.floor(size * what.at)), (byte) => Buffer.of(byte ^ what.bits));
}

function overwrite(file: string, position: number, bytesFor: (byte: number) => Buffer): void {
  const descriptor = openSync(file, 'r+');
  const found = Buffer.alloc(1);
  readSync(descriptor, found, 0, 1, position);
  writeSync(descriptor, bytesFor(found[0] ?? 0), 0, undefined, position);
  closeSync(descriptor);
}
