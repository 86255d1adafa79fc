/** The pages of a segment as they lie there, read without SQLite and without a lock: no page must be whole for the others to be found. */
import type { ByteFile } from './byte-file.ts';
import { wholeEnd } from './log-end.ts';
import { isHeaderWhole, logPageBytes, type Round, roundsOf } from './write-ahead-log.ts';

/** Where one image of a page lies, in a round of the log or in the file: a page that was written again has several. */
export type PagePlace = { readonly round: number | null; readonly offset: number };

const magic = 'SQLite format 3\u0000';
const pageSizes = [512, 1_024, 4_096, 2_048, 8_192, 16_384, 32_768, 65_536];

export class Pages {
  readonly pageBytes: number;
  private readonly file: ByteFile;
  private readonly log: ByteFile | null;
  /** Else the log may have been taken over: some of its rounds are then of another segment. */
  readonly isLogOwn: boolean;
  private readonly rounds: readonly Round[];
  /** Per round of the log: of each page its newest image. */
  private readonly newest: readonly ReadonlyMap<number, number>[];

  constructor(file: ByteFile, log: ByteFile | null, pageBytes: number) {
    this.file = file;
    this.log = log;
    this.pageBytes = pageBytes;
    this.isLogOwn = log !== null && isHeaderWhole(log);
    this.rounds = log === null ? [] : roundsOf(log, pageBytes);
    this.newest = this.rounds.map((frames) => new Map(frames.map(({ page, offset }) => [page, offset])));
  }

  /** The newest image first: of a batch that stands in several, the last is the one most likely to be whole. */
  *places(): Iterable<PagePlace> {
    for (const [round, frames] of this.rounds.entries()) {
      for (const { offset } of frames.toReversed()) yield { round, offset };
    }
    for (let offset = 0; offset + this.pageBytes <= this.file.size; offset += this.pageBytes) {
      yield { round: null, offset };
    }
  }

  /** Valid until the next page is asked for. null where the file ends before. */
  at({ round, offset }: PagePlace): Buffer | null {
    return (round === null ? this.file : this.log)?.bytes(offset, this.pageBytes) ?? null;
  }

  isFirst({ round, offset }: PagePlace): boolean {
    return offset === (round === null ? 0 : this.newest[round]?.get(1));
  }

  /** By its number, 1 is the first, as it was for what stands at the place: from the log where it is there, else from the file. */
  numbered(page: number, { round }: PagePlace): Buffer | null {
    const seen = round ?? (this.isLogOwn ? 0 : null);
    const inLog = seen === null ? undefined : this.newest[seen]?.get(page);
    const inFile = { round: null, offset: (page - 1) * this.pageBytes };
    return this.at(inLog === undefined ? inFile : { round: seen, offset: inLog });
  }

  /** Whether the commit that has the image in the log, and all behind it, are whole. */
  isWholeFrom(place: PagePlace | undefined): boolean {
    if (place === undefined || place.round === null || this.log === null) return false;
    const end = wholeEnd(this.log);
    return end !== null && place.offset >= end.from;
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
