import { systemClock } from '@fieldline/shared/runtime';
import { expect, test } from 'vitest';
import { bounded, isOtherRefusals, keyOf, maxPlacesKept, recallOf } from '../../../src/drivers/modbus/refusals.ts';
import { device, tcp, words } from './rig.ts';

const now = systemClock.now();
const dayUs = 24 * 3_600_000_000;
const base = { unit: 3, link: tcp(502), tags: words(0, 1, 5) };
const key = keyOf(device(base));
const apartAt = (first: number, since = now) => ({ table: 'holding' as const, first, count: 1, since });
const refusedAt = (first: number) => ({ ...apartAt(first), quality: 'bad/address' as const, looks: 2, next: now });
const kept = bounded(key, { refused: [refusedAt(5)], apart: [apartAt(1)] }).refusals;

test('what was learned is known of the same device with the same map', () => {
  const { refused, apart } = recallOf([kept], key, now);
  expect([...refused.values()]).toEqual([refusedAt(5)]);
  expect([...apart.values()]).toEqual([apartAt(1)]);
});

test('neither names nor types nor periods belong to the map', () => {
  const tags = words(0, 1, 5).map(({ address }) => ({ tag: `other-${address}`, address, type: 'int16', scale: 2 }));
  expect(keyOf(device({ ...base, everyMs: 5_000, tags: tags.toReversed() }))).toEqual(key);
});

test.each([
  ['unit', { unit: 4 }],
  ['address of the device', { link: { ...tcp(502), host: '127.0.0.2' } }],
  ['port', { link: tcp(503) }],
  ['name', { device: 'other' }],
  ['tag more', { tags: words(0, 1, 5, 6) }],
  ['register of a tag', { tags: words(0, 1, 4) }],
  ['longer value', { tags: [...words(0, 1), { tag: 'w5', address: 5, type: 'uint32' }] }],
  ['table', { tags: words(0, 1, 5).map((tag) => ({ ...tag, table: 'input' })) }],
  ['greatest request', { maxRegisters: 50 }],
  ['greatest gap', { maxGap: 0 }],
  ['range that is avoided', { avoid: { holding: [[10, 12]] } }],
])('another %s, and nothing is known', (_what, change) => {
  const { refused, apart } = recallOf([kept], keyOf(device({ ...base, ...change })), now);
  expect(refused.size + apart.size).toBe(0);
});

test('what was read apart for a week is tried together again, whichever way the clock was set', () => {
  const apart = [apartAt(0, now - 6 * dayUs), apartAt(1, now - 8 * dayUs), apartAt(5, now + 8 * dayUs)];
  const { refusals } = bounded(key, { refused: [], apart });
  expect([...recallOf([refusals], key, now).apart.values()]).toEqual([apart[0]]);
});

test('a device has a bounded number of places, each once, in an order of their own; the rest is counted', () => {
  const places = Array.from({ length: maxPlacesKept + 20 }, (_, first) => refusedAt(first));
  const { refusals, leftOut } = bounded(key, { refused: [...places.toReversed(), ...places], apart: [] });
  expect(refusals.refused).toEqual(places.slice(0, maxPlacesKept));
  expect(leftOut).toBe(20);
});

test('the time of the next look alone is no news, nor are looks after the longest pause', () => {
  const as = (change: object) => [{ ...kept, refused: [{ ...refusedAt(5), ...change }] }];
  expect(isOtherRefusals(as({}), as({ next: now + 1 }))).toBe(false);
  expect(isOtherRefusals(as({ looks: 7 }), as({ looks: 70 }))).toBe(false);
  expect(isOtherRefusals(as({}), as({ looks: 3 }))).toBe(true);
  expect(isOtherRefusals(as({}), as({ quality: 'bad/refused' }))).toBe(true);
  expect(isOtherRefusals(as({}), [])).toBe(true);
});
