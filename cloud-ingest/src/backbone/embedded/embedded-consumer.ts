/**
 * A consumer of the embedded log. It fetches nothing ahead: a poll reads from the file, so its queue is empty whatever
 * `queueBytes` says.
 */
import type { Log } from '@fieldline/shared/runtime';
import { Assignment, fetchFrom, type Held } from '../assignment.ts';
import type { BackboneConsumer, BackboneRecord, ConsumeOptions } from '../backbone.ts';
import type { Bell } from '../bell.ts';
import { closedConsumer } from '../closed-consumer.ts';
import type { Member } from './groups.ts';
import type { LogFile } from './log-file.ts';

export type EmbeddedConsumer = BackboneConsumer & Member;

export function createEmbeddedConsumer(
  consume: ConsumeOptions,
  file: LogFile,
  appended: Bell,
  log: Log,
  leave: (consumer: Member) => void,
): EmbeddedConsumer {
  const { topic } = consume;
  let closed = false;
  let turn = 0;
  const assignment = new Assignment({
    consume,
    bounds: async () => file.bounds(topic),
    log,
    dropped: () => {},
    placed: () => {},
    changed: appended.ring,
  });

  /** Retention may have passed a slow consumer: what it missed is said, and it goes on from the oldest record. */
  function catchUp(held: Held, oldest: number): void {
    if (held.next === null || held.next > oldest) return;
    // The record that would prove the log is gone.
    held.unproven = null;
    if (held.next === oldest) return;
    // A failure is kept by the assignment and thrown by poll.
    assignment.gap(held, { from: held.next, to: oldest - 1 }).catch(() => {});
  }

  function readOn(held: Held, end: number, maxBytes: number): readonly BackboneRecord[] {
    for (;;) {
      const from = fetchFrom(held);
      if (from === null || from >= end) return [];
      const records = assignment.accept(held, file.read(topic, held.partition, from, maxBytes));
      if (records === null) {
        assignment.remade(held).catch(() => {});
        return [];
      }
      // Empty: that was the proof alone.
      if (records.length > 0) return records;
    }
  }

  function take(maxBytes: number): BackboneRecord[] {
    const records: BackboneRecord[] = [];
    let room = maxBytes;
    const all = assignment.all();
    const bounds = file.bounds(topic);
    turn += 1;
    for (let index = 0; index < all.length && room > 0; index++) {
      const held = all[(index + turn) % all.length];
      const limits = bounds.find((each) => each.partition === held?.partition);
      if (held === undefined || limits === undefined) continue;
      catchUp(held, limits.oldest);
      const read = readOn(held, limits.next, room);
      room -= read.reduce((sum, record) => sum + record.value.length, 0);
      records.push(...read);
    }
    return records;
  }

  const consumer: EmbeddedConsumer = {
    assign: (partitions) => {
      assignment.replace(partitions);
      // A failure is kept by the assignment and thrown by poll.
      assignment.place().catch(() => {});
    },
    poll: async (maxBytes, signal) => {
      if (closed && !signal.aborted) throw closedConsumer(topic);
      while (!closed && !signal.aborted) {
        assignment.check();
        const records = take(maxBytes);
        if (records.length > 0) return records;
        await appended.next(signal);
      }
      return [];
    },
    assigned: assignment.partitions,
    rewind: async () => {
      assignment.reset();
      await assignment.place();
    },
    // A file is there; where it cannot be read, poll throws.
    silence: () => null,
    lag: async () => {
      const bounds = file.bounds(topic);
      return assignment.all().reduce((sum, { partition, next }) => {
        const limits = bounds.find((each) => each.partition === partition);
        return limits === undefined ? sum : sum + limits.next - Math.max(next ?? limits.oldest, limits.oldest);
      }, 0);
    },
    close: async () => {
      if (closed) return;
      closed = true;
      leave(consumer);
      appended.ring();
    },
  };
  return consumer;
}
