import type { AckMessage } from '@fieldline/shared/contracts';
import { describe, expect, it } from 'vitest';
import { consequencesOf } from '../../src/forwarder/acknowledge.ts';

const stream = '0b6a3c6e-6f0e-4b8e-9c55-0d6f5f5a0001';
const another = '0b6a3c6e-6f0e-4b8e-9c55-0d6f5f5a0002';
const known = [{ stream, last: 20, held: [[5, 20]] as const, confirmed: [[1, 8]] as const }];
const ack = (streams: AckMessage['streams'], incarnation = 'one'): AckMessage => ({
  v: 1,
  gateway: 'gw',
  incarnation,
  at: 1,
  lagging: false,
  streams,
});

describe('an acknowledgement', () => {
  it('confirms what it lists as committed', () => {
    const { confirm, doubt, send, lost } = consequencesOf(
      ack([{ stream, committed: [[1, 12]], ask: [] }]),
      known,
      'one',
    );
    expect({ confirm, doubt, send, lost }).toEqual({
      confirm: [{ stream, ranges: [[1, 12]] }],
      doubt: [],
      send: [],
      lost: [],
    });
  });

  it('has asked batches sent, and those that are gone declared, unless they are confirmed', () => {
    const asking = [
      {
        stream,
        committed: [[1, 3]],
        ask: [
          [2, 4],
          [9, 10],
          [19, 25],
        ],
      },
    ] as const;
    const { send, lost } = consequencesOf(ack([...asking]), known, 'one');
    expect(send).toEqual([
      {
        stream,
        ranges: [
          [9, 10],
          [19, 20],
        ],
      },
    ]);
    expect(lost).toEqual([]);
    const gone = [{ stream, last: 20, held: [[10, 20]] as const, confirmed: [] }];
    expect(consequencesOf(ack([...asking]), gone, 'one').lost).toEqual([
      {
        stream,
        ranges: [
          [4, 4],
          [9, 9],
        ],
      },
    ]);
  });

  it('leaves streams alone that are not ours, e.g. those of a clone of this gateway', () => {
    const { confirm, send, lost } = consequencesOf(
      ack([{ stream: another, committed: [[1, 2]], ask: [[3, 9]] }]),
      known,
      'one',
    );
    expect([confirm, send, lost]).toEqual([[], [], []]);
  });

  it('of another database takes back what that does not list', () => {
    const first = consequencesOf(ack([], 'one'), known, null);
    expect(first).toMatchObject({ isNewIncarnation: false, doubt: [] });
    const other = consequencesOf(ack([{ stream, committed: [[1, 2]], ask: [] }], 'two'), known, 'one');
    expect(other).toMatchObject({ isNewIncarnation: true, doubt: [{ stream, ranges: [[3, 8]] }] });
  });
});
