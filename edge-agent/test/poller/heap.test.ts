import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from '../../src/poller/heap.ts';

test('the heap always gives the item with the lowest key', () => {
  const step = fc.oneof(fc.nat(50), fc.constant('take' as const));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const heap = new Heap<number>((key) => key);
      const model: number[] = [];
      for (const next of steps) {
        if (next === 'take') {
          expect(heap.takeFirst()).toBe(model.shift());
        } else {
          heap.add(next);
          model.push(next);
          model.sort((one, other) => one - other);
        }
        expect(heap.first).toBe(model[0]);
        expect(heap.size).toBe(model.length);
        expect([...heap.all].sort((one, other) => one - other)).toEqual(model);
      }
    }),
  );
});
