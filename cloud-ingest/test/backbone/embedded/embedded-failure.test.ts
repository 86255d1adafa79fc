import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import { openEmbeddedBackbone } from '../../../src/backbone/embedded/embedded-backbone.ts';
import type { EmbeddedConfig } from '../../../src/backbone/embedded/log-file.ts';
import { record, take } from '../conformance/bench.ts';

const open = (folder: string, settings: Partial<EmbeddedConfig> = {}) =>
  openEmbeddedBackbone(
    {
      kind: 'embedded',
      folder,
      partitions: 2,
      retentionBytes: 1_000_000_000,
      maxRecordBytes: 1_000_000,
      ...settings,
    },
    systemClock,
    silentLog,
  );

const consumeAll = { topic: 'raw', group: 'g', queueBytes: 1_000_000, positions: async () => [] };

describe('the embedded log', () => {
  test('has everything that was acknowledged before each of five kill -9, once and in order', async () => {
    const folder = temporaryFolder();
    let acknowledged = 0;
    for (let kill = 0; kill < 5; kill++) {
      const from = acknowledged;
      const script = fileURLToPath(new URL('appender.ts', import.meta.url));
      const child = spawn(process.execPath, [script, folder, String(from)], { stdio: ['ignore', 'pipe', 'inherit'] });
      const closed = once(child, 'close');
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        acknowledged = Number(text.trimEnd().split('\n').at(-1));
      });
      await waitFor(() => acknowledged >= from + 300);
      child.kill('SIGKILL');
      await closed;
    }
    const backbone = open(folder);
    const bounds = await backbone.bounds('raw');
    const held = bounds.reduce((sum, { next }) => sum + next, 0);
    expect(held).toBeGreaterThanOrEqual(acknowledged);
    const gaps: object[] = [];
    const consumer = await backbone.consume({ ...consumeAll, onGap: (gap) => void gaps.push(gap) });
    const records = await take(consumer, held);
    expect(gaps).toEqual([]);
    const numbers = new Set(records.map(({ value }) => Number(value.toString())));
    for (let n = 0; n < acknowledged; n++) expect(numbers.has(n)).toBe(true);
    for (const { partition, next } of bounds) {
      const offsets = records.filter((each) => each.partition === partition).map(({ offset }) => offset);
      expect(offsets).toEqual(Array.from({ length: next }, (_, offset) => offset));
    }
    await backbone.close();
  });

  test('goes on where it was after a restart, with the same identity; an emptied folder has another', async () => {
    const folder = temporaryFolder();
    const first = open(folder);
    await first.ensureTopic('raw');
    await first.append('raw', [record('a', '1'), record('b', '2')]);
    const before = { identity: await first.identity(), bounds: await first.bounds('raw') };
    await first.close();
    const second = open(folder, { partitions: 7 });
    await second.ensureTopic('raw');
    expect({ identity: await second.identity(), bounds: await second.bounds('raw') }).toEqual(before);
    await second.close();
    const other = open(temporaryFolder());
    expect(await other.identity()).not.toBe(before.identity);
    await other.close();
  });

  test('says to a second one that it is for one process', async () => {
    const folder = temporaryFolder();
    const first = open(folder);
    expect(() => open(folder)).toThrow(/one process.*fieldline-ingest all/);
    await first.close();
    await open(folder).close();
  });

  test('says what is wrong with a folder that it cannot use, and with a file that is no log', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    expect(() => open(join(folder, 'file'))).toThrow(/backbone.folder/);
    writeFileSync(join(folder, 'log.db'), 'this is not a database, but something long enough to be looked at');
    expect(() => open(folder)).toThrow(/damaged/);
  });

  test('deletes its oldest records beyond its bound, uses their space again, and never an offset', async () => {
    const folder = temporaryFolder();
    const backbone = open(folder, { retentionBytes: 2_000_000 });
    await backbone.ensureTopic('raw');
    for (let n = 0; n < 40; n++) {
      await backbone.append(
        'raw',
        Array.from({ length: 10 }, (_, i) => record(`key-${i}`, Buffer.alloc(50_000, n))),
      );
    }
    const bounds = await backbone.bounds('raw');
    expect(bounds.reduce((sum, { next }) => sum + next, 0)).toBe(400);
    const held = bounds.reduce((sum, { oldest, next }) => sum + next - oldest, 0);
    expect(held).toBeLessThanOrEqual(40);
    expect(held).toBeGreaterThan(30);
    await backbone.close();
    expect(statSync(join(folder, 'log.db')).size).toBeLessThan(6_000_000);
    const again = open(folder, { retentionBytes: 2_000_000 });
    expect(await again.bounds('raw')).toEqual(bounds);
    await again.close();
  });

  test('tells a consumer that was too slow what it missed', async () => {
    const backbone = open(temporaryFolder(), { retentionBytes: 500_000, partitions: 1 });
    await backbone.ensureTopic('raw');
    const gaps: { partition: number; from: number; to: number }[] = [];
    const consumer = await backbone.consume({ ...consumeAll, onGap: (gap) => void gaps.push(gap) });
    await backbone.append('raw', [record('a', 'first')]);
    await take(consumer, 1);
    for (let n = 0; n < 30; n++) await backbone.append('raw', [record('a', Buffer.alloc(50_000))]);
    const [oldest] = await backbone.bounds('raw');
    const [next] = await consumer.poll(1, new AbortController().signal);
    expect(next?.offset).toBe(oldest?.oldest);
    expect(gaps).toEqual([{ partition: 0, from: 1, to: (oldest?.oldest ?? 0) - 1 }]);
    await backbone.close();
  });
});
