/** The pages of a segment as they lie there, read without SQLite and without a lock: no page must be whole for the others to be found. */
import type { ByteFile } from './byte-file.ts';
import { framesOf, logPageBytes } from './write-ahead-log.ts';

/** Where one image of a page lies: a page that was written again has several. */
export type PagePlace = { readonly isInLog: boolean; readonly offset: number };

const magic = 'SQLite format 3\u0000';
const pageSizes = [1_024, 4_096, 2_048, 8_192, 512, 16_384, 32_768, 65_536];

export class Pages {
  readonly pageBytes: number;
  private readonly file: ByteFile;
  private readonly log: ByteFile | null;
  /** Of each page in the log, its newest image. */
  private readonly newest = new Map<number, number>();
  private readonly inLog: readonly number[];

  constructor(file: ByteFile, log: ByteFile | null, pageBytes: number) {
    this.file = file;
    this.log = log;
    this.pageBytes = pageBytes;
    const frames = log === null ? [] : framesOf(log, pageBytes);
    for (const { page, offset } of frames) this.newest.set(page, offset);
    this.inLog = frames.map(({ offset }) => offset);
  }

  /** The newest image first: of a batch that stands in several, the last is the one most likely to be whole. */
  *places(): Iterable<PagePlace> {
    for (const offset of this.inLog.toReversed()) yield { isInLog: true, offset };
    for (let offset = 0; offset + this.pageBytes <= this.file.size; offset += this.pageBytes) {
      yield { isInLog: false, offset };
    }
  }

  /** Valid until the next page is asked for. null where the file ends before. */
  at({ isInLog, offset }: PagePlace): Buffer | null {
    return (isInLog ? this.log : this.file)?.bytes(offset, this.pageBytes) ?? null;
  }

  isFirst({ isInLog, offset }: PagePlace): boolean {
    return isInLog ? this.newest.get(1) === offset : offset === 0;
  }

  /** By its number, 1 is the first: from the log where it is there, else from the file. */
  numbered(page: number): Buffer | null {
    const inLog = this.newest.get(page);
    const place = inLog === undefined ? { isInLog: false, offset: (page - 1) * this.pageBytes } : null;
    return this.at(place ?? { isInLog: true, offset: inLog ?? 0 });
  }

  close(): void {
    this.file.close();
    this.log?.close();
  }
}

/** The sizes that the pages may have, most likely first: only one where a header says it. */
export function likelyPageBytes(file: ByteFile, log: ByteFile | null): readonly number[] {
  const said = [log === null ? null : logPageBytes(log), filePageBytes(file)].find((bytes) => bytes !== null);
  return said === undefined ? pageSizes : [said];
}

function filePageBytes(file: ByteFile): number | null {
  const header = file.bytes(0, 18);
  if (header === null || header.toString('latin1', 0, 16) !== magic) return null;
  const bytes = header.readUInt16BE(16);
  const size = bytes === 1 ? 65_536 : bytes;
  return pageSizes.includes(size) ? size : null;
}
