import {
  compressions,
  type Declaration,
  decodeBatch,
  type Sample,
  SampleColumns,
  tagClasses,
} from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { StreamWriter } from '../../src/journal/stream-writer.ts';

const gateway = 'g1';
const text = fc.oneof(
  { weight: 20, arbitrary: fc.constant('open') },
  { weight: 1, arbitrary: fc.constant('x'.repeat(5_000)) },
);
const sample: fc.Arbitrary<Sample> = fc.record({
  tag: fc.constantFrom('mode', 'state').map((tag) => ({ device: 'd', tag, type: 'string' as const })),
  time: fc.integer({ min: 1, max: 1_000 }),
  value: text,
  quality: fc.constantFrom(0, 100),
});
const declaration: fc.Arbitrary<Declaration> = fc.record({
  kind: fc.constant('series' as const),
  device: fc.constant('d'),
  tag: fc.constant(null),
  from: fc.constant(1),
  to: fc.constant(9),
  samples: fc.constantFrom(null, 4),
  reason: fc.constant('restart' as const),
});
const flush = fc.record({
  samples: fc.array(sample, { maxLength: 80 }),
  declared: fc.array(declaration, { maxLength: 8 }),
  filtered: fc.nat(50),
});

/** The cloud refuses a batch whose counts contradict each other: that must never meet what an agent has written. */
it('states in each batch what was read in its stream: what was filtered and the samples so far, whatever is flushed', () => {
  fc.assert(
    fc.property(
      fc.array(flush, { maxLength: 8 }),
      fc.constantFrom(...compressions),
      fc.record({ volatile: fc.boolean(), class: fc.constantFrom(...tagClasses) }),
      (flushes, compression, stated) => {
        const head = { gateway, stream: '6f1c3b1e-8a0f-4a63-9a55-0c8f2f1f7d11', previous: null, ...stated };
        const writer = new StreamWriter(head, { compression, maxBatchBytes: 2_000 });
        let sent = 0;
        let filtered = 0;
        for (const each of flushes) {
          filtered += each.filtered;
          for (const { batch: made } of writer.encode(
            SampleColumns.of(each.samples),
            each.declared,
            each.filtered,
            1,
          )) {
            const { bytes } = made;
            const result = decodeBatch(bytes, gateway);
            if (!result.ok) throw new Error(result.reason);
            sent += result.batch.sent;
            const { class: tagClass = 'process', ...batch } = result.batch;
            expect({ ...batch, class: tagClass }).toMatchObject({ read: filtered + sent, filtered, ...stated });
          }
        }
      },
    ),
  );
});
