import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';

const maxBytes = 16 * 1024 ** 2;

export type LogFile = { readonly write: (text: string) => void; readonly close: () => Promise<void> };

/** Appends to a file; at 16 MiB it becomes `<file>.1`, which takes the place of the one before. */
export function openLogFile(file: string): LogFile {
  mkdirSync(dirname(file), { recursive: true });
  let sizeBytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  let stream: WriteStream | undefined;
  return {
    write: (text) => {
      if (sizeBytes > maxBytes) {
        stream?.end();
        stream = undefined;
        renameSync(file, `${file}.1`);
        sizeBytes = 0;
      }
      stream ??= createWriteStream(file, { flags: 'a' });
      stream.write(text);
      sizeBytes += Buffer.byteLength(text);
    },
    close: () => new Promise((resolve) => (stream === undefined ? resolve() : stream.end(() => resolve()))),
  };
}
