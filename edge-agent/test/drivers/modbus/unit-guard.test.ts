import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UnitGuard } from '../../../src/drivers/modbus/unit-guard.ts';

const shares = { share: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }) };

test('after its first three requests a silent unit holds its link for under 2 % of any time', () => {
  fc.assert(
    fc.property(
      fc.record({
        timeoutMs: fc.integer({ min: 10, max: 5_000 }),
        everyMs: fc.integer({ min: 10, max: 60_000 }),
        ...shares,
      }),
      ({ timeoutMs, everyMs, share }) => {
        const guard = new UnitGuard(() => share);
        let nowMs = 0;
        let heldMs = 0;
        let requests = 0;
        while (nowMs < 200 * timeoutMs + 20 * everyMs) {
          if (guard.mayAsk(nowMs)) {
            const costMs = timeoutMs + 50;
            nowMs += costMs;
            requests += 1;
            if (requests > 3) heldMs += costMs;
            guard.silent({ because: 'timeout', nowMs, costMs, holdOffMs: timeoutMs, isAlone: false });
            expect(heldMs / nowMs).toBeLessThan(0.02);
          }
          nowMs += Math.min(everyMs, timeoutMs);
        }
        expect(requests).toBeGreaterThanOrEqual(3);
      },
    ),
  );
});

test('a unit that is alone on its link is asked again within ten to fifteen times what a request in vain costs', () => {
  fc.assert(
    fc.property(fc.record(shares), ({ share }) => {
      const guard = new UnitGuard(() => share);
      for (let request = 0; request < 30; request++) {
        guard.silent({ because: 'timeout', nowMs: 0, costMs: 1_000, holdOffMs: 0, isAlone: true });
      }
      expect(guard.mayAsk(9_999)).toBe(false);
      expect(guard.mayAsk(15_000)).toBe(true);
      expect(guard.answered()).toBe(true);
      expect(guard.mayAsk(0)).toBe(true);
    }),
  );
});
