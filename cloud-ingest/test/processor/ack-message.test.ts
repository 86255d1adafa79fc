import { randomUUID } from 'node:crypto';
import { ackSchema, decodeMessage, encodeMessage, maxBatchBytes, type Range } from '@fieldline/shared/contracts';
import { describe, expect, test } from 'vitest';
import { ackMessageOf } from '../../src/processor/ack-message.ts';
import { watchHoles } from '../../src/processor/aged-holes.ts';

const about = { incarnation: 'one', at: 1, lagging: false };

describe('a commit acknowledgement', () => {
  test('tells what need not be kept, and asks for what is missing', () => {
    const row = {
      stream: randomUUID(),
      committed: [[1, 4]] as const,
      declared: [[5, 5]] as const,
      dead: [[8, 8]] as const,
      ask: [[6, 6]] as const,
    };
    expect(ackMessageOf('gw', [row], about).streams).toEqual([
      {
        stream: row.stream,
        committed: [
          [1, 5],
          [8, 8],
        ],
        ask: [[6, 6]],
      },
    ]);
  });

  test('keeps to the size of a message, whatever there is to say', () => {
    const holes = Array.from({ length: 1_000 }, (_, n): Range => [n * 1_000_000 + 1, n * 1_000_000 + 500_000]);
    const rows = Array.from({ length: 80 }, () => ({
      stream: randomUUID(),
      committed: holes,
      declared: [],
      dead: [],
      ask: holes,
    }));
    const bytes = encodeMessage(ackMessageOf('gw', rows, about));
    expect(bytes.length).toBeLessThanOrEqual(maxBatchBytes);
    const read = decodeMessage(ackSchema, bytes, 'gw');
    expect(read.streams).toHaveLength(64);
    expect(read.streams[0]?.committed[0]).toEqual(holes[0]);
  });
});

describe('a hole', () => {
  test('is asked for when it has been there for a while, and not when it closes by itself', () => {
    const first = watchHoles(
      undefined,
      [
        [3, 4],
        [7, 7],
      ],
      0,
      1_000,
    );
    expect(first.aged).toEqual([]);
    const soon = watchHoles(
      first,
      [
        [3, 4],
        [9, 9],
      ],
      999,
      1_000,
    );
    expect(soon.aged).toEqual([]);
    const later = watchHoles(
      soon,
      [
        [4, 4],
        [9, 9],
      ],
      1_000,
      1_000,
    );
    expect(later.aged).toEqual([[4, 4]]);
    expect(watchHoles(later, [[9, 9]], 1_500, 1_000).aged).toEqual([]);
    expect(
      watchHoles(
        later,
        [
          [4, 4],
          [9, 9],
        ],
        2_000,
        1_000,
      ).aged,
    ).toEqual([
      [4, 4],
      [9, 9],
    ]);
  });
});
