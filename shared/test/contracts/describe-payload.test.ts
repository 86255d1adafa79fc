import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeBatch, decodeMessage, stateSchema } from '@fieldline/shared/contracts';
import { describe, expect, test } from 'vitest';

const golden = (name: string) => JSON.parse(readFileSync(join(import.meta.dirname, '../../golden/v1', name), 'utf8'));
const batch = golden('batch.json');

const reasonOf = (bytes: string): string => {
  const decoded = decodeBatch(Buffer.from(bytes), batch.gateway);
  if (decoded.ok) throw new Error('it is a batch');
  return decoded.reason;
};

describe('why a payload is refused: the field, what is wrong, what would be right', () => {
  test.each([
    [{ seq: 0 }, 'seq is 0; it must be more than 0'],
    [{ seq: 5e9 }, 'seq is 5000000000; it must be at most 4294967295'],
    [{ seq: 1.5 }, 'seq is 1.5; it must be a whole number'],
    [{ read: undefined }, 'read is missing; it must be a number'],
    [{ stream: 'abc' }, 'stream is "abc"; it must be a UUID'],
    [
      { gateway: 'a b' },
      'gateway is "a b": an id is 1–64 of the characters A–Z a–z 0–9 . _ : - and begins with a letter or digit',
    ],
    [{ tags: 5 }, 'tags is 5: must be a list'],
    [{ q: [[0, 12_345]] }, 'q[0][1] is 12345: must be a quality code'],
    [{ q: [[0]] }, 'q[0] has 1 entry; it must have at least 2 entries'],
    [{ declared: [{ kind: 'nope' }] }, 'declared[0].kind is "nope"; it must be one of batches, series'],
    [{ seq: 'x', volatile: 'yes' }, 'seq is "x"; it must be a number; volatile is "yes"; it must be true or false'],
    [{ v: undefined }, 'v is missing; it must be 2, the version of the format, or an earlier one'],
    [{ v: '1' }, 'v is "1"; it must be 2, the version of the format, or an earlier one'],
  ])('%j', (wrong, reason) => {
    expect(reasonOf(JSON.stringify({ ...batch, ...wrong }))).toBe(reason);
  });

  test('of many problems the first are told, and how many more there are', () => {
    const q = Array.from({ length: 9 }, (_, index) => [index, 12_345]);
    expect(reasonOf(JSON.stringify({ ...batch, q }))).toMatch(
      /^q\[0]\[1] .*q\[4]\[1] is 12345: must be a quality code; and 4 more$/,
    );
  });

  test('bytes that are no JSON, or nothing at all', () => {
    expect(reasonOf('{"v":1')).toMatch(/^the bytes are not JSON: /);
    expect(reasonOf('')).toBe('the bytes are not JSON: there are none');
    expect(reasonOf('\u001f\u008bx')).toMatch(/^the bytes are not JSON: /);
  });

  test('messages beside batches too', () => {
    const state = { ...golden('state.json'), online: 'yes', reason: 'runing' };
    expect(() => decodeMessage(stateSchema, Buffer.from(JSON.stringify(state)), state.gateway)).toThrow(
      /^online is "yes"; it must be true or false; reason is "runing"; it must be one of started, .*Did you mean running\?$/,
    );
  });
});
