/** What goes when there is no room: it is counted, and declared when time comes. */
import { type LossReason, tagClasses } from '@fieldline/shared/contracts';
import { isBelieved } from './boot.ts';
import type { Source } from './source.ts';
import { logBytesOf } from './undated-file.ts';

/** Each start of a gateway that never knows the time may leave one. */
const mostFiles = 100;
/** Beside the samples: what the entry says, and the part of a page that is left empty. */
const entryBytes = 400;

/** Makes room in the file of this boot for what is not saved yet. Gives the files that go once that is saved. */
export function keepBound(own: Source, sources: readonly Source[], maxBytes: number): readonly Source[] {
  const others = sources.filter((source) => source !== own);
  const going: Source[] = [];
  const newBytes = [...own.record.waiting.values()].reduce((sum, { length }) => sum + length + entryBytes, 0);
  let excessBytes = own.file.usedBytes() + newBytes + logBytesOf(maxBytes) - maxBytes;
  for (const { file } of others) excessBytes += file.sizeBytes();
  for (const [index, source] of others.entries()) {
    if (excessBytes <= 0 && others.length - index < mostFiles) break;
    replace(source, own);
    going.push(source);
    excessBytes -= source.file.sizeBytes();
  }
  while (excessBytes > 0) {
    const dropped = own.record.drop('disk-bound');
    if (dropped === null) break;
    excessBytes -= dropped.sizeBytes + entryBytes;
  }
  return going;
}

/** Of what waits because the disk takes nothing. */
export function keepMemoryBound({ record }: Source, memoryBytes: number): void {
  while (record.waitingBytes > memoryBytes) {
    if (record.drop('memory-bound', ({ row }) => record.waiting.has(row)) === null) break;
  }
}

/** What a file of before held is declared in this one. */
function replace(source: Source, own: Source): void {
  const { offset } = source.head;
  const end = source.record.last;
  // Before this boot began, as near as it can have been, unless its time is known.
  const moved = (micros: number): number => (isBelieved(micros) ? micros : micros + (offset ?? -end));
  for (const entry of tagClasses.flatMap((tagClass) => source.record.left(tagClass))) {
    const { tagClass, samples, filtered } = entry;
    const { device, tag, reason } = entry.kind === 'lost' ? entry : dropped;
    const [first, last] = [moved(entry.first), moved(entry.last ?? end)];
    own.record.lose({ tagClass, device, tag, first, last, samples, filtered, reason });
  }
  own.head = { ...own.head, replaced: [...own.head.replaced, source.name.id] };
}

const dropped = { device: null, tag: null, reason: 'disk-bound' satisfies LossReason } as const;
