import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Decoded } from '../../src/decode/decoder.ts';
import { Intake } from '../../src/processor/intake.ts';
import { Turns } from '../../src/processor/turns.ts';

const record = (bytes: number): Decoded => ({
  kind: 'reject',
  gateway: null,
  stage: 'decode',
  code: 'batch/malformed',
  reason: 'test',
  identity: null,
  origin: { topic: 'raw', partition: 0, offset: 0, receivedAt: 0, bytes: Buffer.alloc(bytes), headers: {} },
});
const never = new AbortController().signal;
const intakeBytes = 1_000;

/** Whether the lane has begun, looked at when all that can happen by itself has happened. */
async function hasBegun(beginning: Promise<void>): Promise<boolean> {
  let begun = false;
  void beginning.then(() => {
    begun = true;
  });
  await turn();
  return begun;
}

describe('turns of the lanes', () => {
  test('one begins when the other has ended, and nobody goes twice before who waits', async () => {
    const turns = new Turns();
    const [one, other] = [new Intake(intakeBytes), new Intake(intakeBytes)];
    await turns.begin(one, never);
    const second = turns.begin(other, never);
    expect(await hasBegun(second)).toBe(false);
    turns.end();
    const third = turns.begin(one, never);
    expect(await hasBegun(second)).toBe(true);
    expect(await hasBegun(third)).toBe(false);
    turns.end();
    expect(await hasBegun(third)).toBe(true);
  });

  test('a lane in which much waits, or comes to wait, begins beside the others', async () => {
    const turns = new Turns();
    const [one, other, third] = [new Intake(intakeBytes), new Intake(intakeBytes), new Intake(intakeBytes)];
    await turns.begin(one, never);
    third.add([record(intakeBytes / 2)]);
    expect(await hasBegun(turns.begin(third, never))).toBe(true);
    const beginning = turns.begin(other, never);
    other.add([record(10)]);
    expect(await hasBegun(beginning)).toBe(false);
    other.add([record(intakeBytes / 2)]);
    expect(await hasBegun(beginning)).toBe(true);
  });

  test('a lane waits no longer than a moment for one that is held up, and not at all when it has to stop', async () => {
    const turns = new Turns();
    const [one, other] = [new Intake(intakeBytes), new Intake(intakeBytes)];
    await turns.begin(one, never);
    await turns.begin(other, never);
    const stop = new AbortController();
    const beginning = turns.begin(other, stop.signal);
    expect(await hasBegun(beginning)).toBe(false);
    stop.abort();
    expect(await hasBegun(beginning)).toBe(true);
  });
});
