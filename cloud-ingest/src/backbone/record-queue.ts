import type { BackboneRecord } from './backbone.ts';

type Line = { records: BackboneRecord[]; head: number };

/** Records fetched and not yet polled, in order per partition; its owner bounds it by `bytes`. */
export class RecordQueue {
  bytes = 0;
  private readonly lines = new Map<number, Line>();

  add(partition: number, records: readonly BackboneRecord[]): void {
    const line = this.lines.get(partition) ?? { records: [], head: 0 };
    for (const record of records) {
      line.records.push(record);
      this.bytes += record.value.length;
    }
    this.lines.set(partition, line);
  }

  /** At most about `maxBytes`, at least one where there is one; partitions take turns. */
  take(maxBytes: number): BackboneRecord[] {
    const taken: BackboneRecord[] = [];
    let room = maxBytes;
    for (const [partition, line] of [...this.lines]) {
      while (line.head < line.records.length) {
        const record = line.records[line.head];
        if (record === undefined || (taken.length > 0 && record.value.length > room)) break;
        line.head += 1;
        room -= record.value.length;
        taken.push(record);
      }
      // At the end of the line of partitions, so that the next call begins with another.
      this.lines.delete(partition);
      if (line.head < line.records.length) this.lines.set(partition, compact(line));
      if (room <= 0) break;
    }
    this.bytes -= taken.reduce((sum, record) => sum + record.value.length, 0);
    return taken;
  }

  drop(partition: number): void {
    const line = this.lines.get(partition);
    if (line === undefined) return;
    for (const record of line.records.slice(line.head)) this.bytes -= record.value.length;
    this.lines.delete(partition);
  }

  /** Offset of the first record that waits, null where none does. */
  firstOffset(partition: number): number | null {
    const line = this.lines.get(partition);
    return line?.records[line.head]?.offset ?? null;
  }
}

/** Lets go of what was taken, not at every call: that would copy the line each time. */
function compact(line: Line): Line {
  return line.head * 2 < line.records.length ? line : { records: line.records.slice(line.head), head: 0 };
}
