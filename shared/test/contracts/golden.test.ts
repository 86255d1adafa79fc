/** Files of every version ever shipped, as another program would have written them: they must read the same for ever. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ackSchema,
  answerSchema,
  birthSchema,
  commandSchema,
  decodeBatch,
  decodeMessage,
  normalisedRecordSchema,
  stateSchema,
} from '@fieldline/shared/contracts';
import { describe, expect, it } from 'vitest';

const folderOf = (version: string): string => join(import.meta.dirname, '../../golden', version);
const folder = folderOf('v1');
const read = (name: string, version = 'v1'): Buffer => readFileSync(join(folderOf(version), name));

const expected = {
  gateway: 'pump-station-1',
  stream: '6f1c3b1e-8a0f-4a63-9a55-0c8f2f1f7d11',
  seq: 1,
  previous: { stream: '0b7e58a5-2f8f-4f4b-8d52-2a64fc6b2b5d', lastSeq: 4711 },
  read: 9,
  filtered: 2,
  volatile: false,
  sent: 7,
  tags: [
    { device: 'plc1', tag: 'level', type: 'float32' },
    { device: 'plc1', tag: 'running', type: 'bool' },
    { device: 'meter', tag: 'energy', type: 'uint64' },
    { device: 'line', tag: 'mode', type: 'string' },
  ],
  tagIndex: [0, 1, 2, 3, 0, 2, 2],
  time: [
    1_790_000_000_000_000, 1_790_000_000_000_000, 1_790_000_000_250_000, 1_790_000_000_100_000, 1_790_000_001_000_000,
    1_790_000_001_250_000, 1_790_000_002_250_000,
  ],
  value: [Math.fround(1.1), true, 18_446_744_073_709_551_615n, 'Füllen', null, 9_007_199_254_740_993n, 42n],
  quality: [0, 0, 0, 0, 202, 0, 101],
  declared: [
    {
      kind: 'series',
      device: null,
      tag: null,
      from: 1_789_999_990_000_000,
      to: 1_790_000_000_000_000,
      samples: null,
      reason: 'restart',
    },
  ],
  rejected: [],
};

describe('golden files of version 1', () => {
  it.each(['batch.json', 'batch.json.gz', 'batch.json.zst'])('%s reads as the batch it was', (name) => {
    expect(decodeBatch(read(name), 'pump-station-1')).toEqual({ ok: true, batch: expected });
  });

  it.each(['plc1', 'meter', 'line'])(
    'the normalised samples of %s are what the schema says, and nothing besides',
    (device) => {
      const record: unknown = JSON.parse(read(`samples-${device}.json`).toString());
      expect(normalisedRecordSchema.parse(record)).toEqual(record);
      expect(record).toMatchObject({ device, stream: expected.stream });
    },
  );

  it('the messages beside batches read as they were', () => {
    expect(decodeMessage(stateSchema, read('state.json'), 'pump-station-1')).toMatchObject({
      online: true,
      streams: [{ first: 1, last: 17, held: [[16, 17]] }],
    });
    expect(decodeMessage(birthSchema, read('birth.json'), 'pump-station-1').devices[0]?.tags[0]).toEqual({
      tag: 'level',
      type: 'float32',
      unit: 'm',
      minimum: 0,
      maximum: 6,
    });
    expect(decodeMessage(ackSchema, read('ack.json'), 'pump-station-1').streams).toEqual([
      {
        stream: expected.stream,
        committed: [
          [1, 15],
          [17, 17],
        ],
        ask: [[16, 16]],
      },
    ]);
  });

  it('a command and its answer read as they were', () => {
    expect(decodeMessage(commandSchema, read('command.json'), 'pump-station-1')).toEqual({
      v: 1,
      gateway: 'pump-station-1',
      id: 'a5c1c0de-1',
      device: 'plc1',
      tag: 'setpoint',
      value: 21.5,
      expected: 20,
      expires: 1_790_000_060_000_000,
      by: 'shift leader',
    });
    expect(decodeMessage(answerSchema, read('answer.json'), 'pump-station-1')).toEqual({
      v: 1,
      gateway: 'pump-station-1',
      id: 'a5c1c0de-1',
      device: 'plc1',
      tag: 'setpoint',
      outcome: 'unverified',
      reason: 'mismatch',
      message: 'read back, it is 20',
      before: 20,
      written: 21.5,
      after: 20,
      at: 1_790_000_000_500_000,
      by: 'shift leader',
      repeated: false,
    });
  });

  it('the call of a method and its answer read as they were', () => {
    expect(decodeMessage(commandSchema, read('command-call.json'), 'pump-station-1')).toEqual({
      ...{ v: 1, gateway: 'pump-station-1', id: 'a5c1c0de-2', device: 'plc1', tag: 'reset' },
      value: { amount: 5, total: '9007199254740993' },
      expires: 1_790_000_060_000_000,
    });
    expect(decodeMessage(answerSchema, read('answer-call.json'), 'pump-station-1')).toMatchObject({
      ...{ outcome: 'called', reason: null, before: null },
      ...{ written: '{"amount":5,"total":"9007199254740993"}', after: '{"left":0}' },
    });
  });

  it('all are read by a test', () => {
    expect(readdirSync(folder).sort()).toEqual([
      'ack.json',
      'answer-call.json',
      'answer.json',
      'batch.json',
      'batch.json.gz',
      'batch.json.zst',
      'birth.json',
      'command-call.json',
      'command.json',
      'samples-line.json',
      'samples-meter.json',
      'samples-plc1.json',
      'state.json',
    ]);
  });
});

/** By a batch of a journal that was full. */
const thinnedBefore = {
  kind: 'series',
  device: 'plc1',
  tag: null,
  from: 1_789_999_999_000_000,
  to: 1_790_000_000_000_000,
  samples: 10,
  reason: 'thinned',
};

describe('golden files of version 2', () => {
  it.each(['batch.json', 'batch.json.gz', 'batch.json.zst'])('%s reads as the batch it was', (name) => {
    expect(decodeBatch(read(name, 'v2'), 'pump-station-1')).toEqual({ ok: true, batch: expected });
  });

  it.each([
    ['batch-each-once.json', {}],
    ['batch-alarm.json', { class: 'alarm' }],
    ['batch-thinned.json', { read: 64, thinned: 40, declared: [thinnedBefore] }],
  ])('%s, without index, has one sample of each series', (name, stated) => {
    const { previous: _, ...head } = expected;
    const ofFirst = <T>(column: readonly T[]): T[] => column.slice(0, expected.tags.length);
    const batch = {
      ...head,
      ...{ seq: 2, read: 14, declared: [], sent: 4, quality: [0, 0, 0, 0] },
      ...stated,
      ...{ tagIndex: ofFirst(expected.tagIndex), time: ofFirst(expected.time), value: ofFirst(expected.value) },
    };
    expect(decodeBatch(read(name, 'v2'), 'pump-station-1')).toEqual({ ok: true, batch });
  });

  it('all are read by a test', () => {
    expect(readdirSync(folderOf('v2')).sort()).toEqual([
      'batch-alarm.json',
      'batch-each-once.json',
      'batch-thinned.json',
      'batch.json',
      'batch.json.gz',
      'batch.json.zst',
    ]);
  });
});
