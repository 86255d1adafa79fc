import { type Batch, type DecodedBatch, decodeBatch, type Sample, type Tag } from '@fieldline/shared/contracts';
import { type Clock, createMetrics, silentLog } from '@fieldline/shared/runtime';
import { Journal } from '../../src/journal/journal.ts';
import type { JournalOptions } from '../../src/journal/options.ts';

/** A clock that stands until it is moved. */
export function handClock(startMicros = 1_790_000_000_000_000): Clock & { advanceMs: (ms: number) => void } {
  let ms = 0;
  return {
    now: () => startMicros + ms * 1_000,
    monotonicMs: () => ms,
    advanceMs: (by) => {
      ms += by;
    },
  };
}

/** It goes on a little each time it is asked, as a real one does: no two batches of a flush are made at the same time. */
export function runningClock(): ReturnType<typeof handClock> {
  const clock = handClock();
  const now = (): number => {
    clock.advanceMs(1);
    return clock.now();
  };
  return { ...clock, now };
}

export const testGateway = 'gw-test';

export function journalOptions(folder: string, changes: Partial<JournalOptions> = {}): JournalOptions {
  const { clock = handClock() } = changes;
  return {
    folder,
    gateway: testGateway,
    survives: 'process-crash',
    segmentBytes: 1024 ** 2,
    maxBytes: 1024 ** 3,
    keepFreeBytes: 0,
    keepConfirmedForMs: 0,
    memoryBytes: 1024 ** 2,
    compression: 'none',
    maxBatchBytes: 100_000,
    newStream: () => crypto.randomUUID(),
    clock,
    boot: { id: '00000000-0000-4000-8000-000000000000', micros: () => Math.round(clock.monotonicMs() * 1_000) },
    log: silentLog,
    metrics: createMetrics(),
    ...changes,
  };
}

export const openJournal = (folder: string, changes: Partial<JournalOptions> = {}): Journal =>
  Journal.open(journalOptions(folder, changes));

export const numberTag: Tag = { device: 'plc1', tag: 'level', type: 'float64' };

export const samplesOf = (
  count: number,
  tag = numberTag,
  value: (index: number) => Batch['samples'][number]['value'] = (n) => n,
): Sample[] =>
  Array.from({ length: count }, (_, index) => ({
    tag,
    time: 1_790_000_000_000_000 + index * 1_000,
    value: value(index),
    quality: 0,
  }));

/** @throws when the bytes are not a batch of the test gateway */
export function decoded(bytes: Buffer): DecodedBatch {
  const result = decodeBatch(bytes, testGateway);
  if (!result.ok) throw new Error(`${result.code}: ${result.reason}`);
  return result.batch;
}

/** Every batch that the journal holds, read back. */
export const allBatches = (journal: Journal): DecodedBatch[] =>
  journal.streams().flatMap(({ stream, held }) =>
    held.flatMap(([from, to]) =>
      Array.from({ length: to - from + 1 }, (_, index) => {
        const batch = journal.read(stream, from + index);
        if (batch === null) throw new Error(`${stream}/${from + index} is held but cannot be read`);
        return decoded(batch.bytes);
      }),
    ),
  );

export const current = (journal: Journal) => {
  const stream = journal.streams().at(-1);
  if (stream === undefined) throw new Error('the journal has no stream');
  return stream;
};

/** A journal of several files, closed: eight batches of 1,000 samples. */
export function fillJournal(folder: string): void {
  const journal = openJournal(folder, { segmentBytes: 60_000 });
  for (let round = 0; round < 8; round++) {
    journal.record(samplesOf(1_000), 0);
    journal.flush();
  }
  journal.close();
}
