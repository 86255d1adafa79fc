import { describe, expect, test } from 'vitest';
import { createBrokerDrops } from '../../src/bridge/broker-drops.ts';
import { decodeProbe, encodeProbe } from '../../src/bridge/probe.ts';
import { createWatchdog } from '../../src/bridge/watchdog.ts';

describe('the watchdog', () => {
  test('judges nothing before a round has begun, and a round in which nothing could come is held', () => {
    const dog = createWatchdog();
    expect(dog.next(true)).toBe('held');
    dog.controlCame();
    expect(dog.next(false), 'held when it began').toBe('held');
    dog.controlCame();
    expect(dog.next(true), 'held when it ended').toBe('held');
    expect(dog.missed()).toBe(0);
  });

  test('a quiet site whose probe comes back receives, and so does one whose messages come without a probe', () => {
    const dog = createWatchdog();
    dog.next(false);
    dog.controlCame();
    dog.received();
    expect(dog.next(false)).toBe('receives');
    dog.received();
    expect(dog.next(false)).toBe('receives');
  });

  test('without the control nothing is said: the broker, or the right to ask it, may be missing', () => {
    const dog = createWatchdog();
    dog.next(false);
    for (let round = 0; round < 10; round++) expect(dog.next(false)).toBe('untested');
    expect(dog.missed()).toBe(0);
  });

  test('a control without its probe is missed; a new session alone proves nothing, the next message does', () => {
    const dog = createWatchdog();
    dog.next(false);
    for (let round = 1; round <= 3; round++) {
      dog.controlCame();
      expect(dog.next(false)).toBe('missed');
      expect(dog.missed()).toBe(round);
    }
    dog.next(true);
    dog.next(false);
    expect(dog.missed()).toBe(3);
    dog.received();
    expect(dog.next(false)).toBe('receives');
    expect(dog.missed()).toBe(0);
  });
});

test('what the broker dropped is counted from the first value on, also when the broker begins anew', () => {
  const drops = createBrokerDrops();
  expect(['500', '500', '507', '3', '3', 'nonsense', '4'].map(drops.read)).toEqual([null, 0, 7, 3, 0, 0, 1]);
});

test('a probe says who asks, and of which group; what somebody else writes there is none', () => {
  const probe = { from: 'a1b2c3d4', group: 'ingest' };
  expect(decodeProbe(Buffer.from(encodeProbe(probe)))).toEqual(probe);
  expect(decodeProbe(Buffer.from(encodeProbe({ ...probe, group: '' })))).toEqual({ ...probe, group: '' });
  for (const text of ['', 'probe', 'probe x', 'other a b', 'probe a/b/# g', `probe ${'x'.repeat(300)} g`]) {
    expect(decodeProbe(Buffer.from(text)), text).toBeNull();
  }
});
