import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UnitGuard } from '../../../src/drivers/modbus/unit-guard.ts';

const slow = { because: 'timeout', isQuick: false, quickCostMs: null } as const;

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
            guard.silent({ ...slow, nowMs, costMs, holdOffMs: timeoutMs, isAlone: false });
            expect(heldMs / nowMs).toBeLessThan(0.02);
          }
          nowMs += Math.min(everyMs, timeoutMs);
        }
        expect(requests).toBeGreaterThanOrEqual(3);
      },
    ),
  );
});

test('so it does with quick probes, which find it back sooner', () => {
  fc.assert(
    fc.property(
      fc.record({
        timeoutMs: fc.integer({ min: 200, max: 5_000 }),
        quickMs: fc.integer({ min: 20, max: 90 }),
        ...shares,
      }),
      ({ timeoutMs, quickMs, share }) => {
        const guard = new UnitGuard(() => share);
        const besideMs = 60;
        const quickCostMs = quickMs + besideMs;
        const probedMs: number[] = [];
        const asked = { quick: 0, full: 0 };
        let heldMs = 0;
        for (let nowMs = 0; nowMs < 1_000 * timeoutMs; nowMs += quickCostMs) {
          const isQuick = !guard.mayAsk(nowMs);
          if (isQuick && !guard.mayProbeQuickly(nowMs)) continue;
          const costMs = isQuick ? quickCostMs : timeoutMs + besideMs;
          nowMs += costMs;
          asked[isQuick ? 'quick' : 'full'] += 1;
          if (isQuick || asked.full > 3) heldMs += costMs;
          if (isQuick) probedMs.push(nowMs);
          guard.silent({ because: 'timeout', nowMs, costMs, holdOffMs: 0, isAlone: false, isQuick, quickCostMs });
          expect(heldMs / nowMs).toBeLessThan(0.02);
        }
        expect(asked.full, 'a unit that has become slow is found too').toBeGreaterThanOrEqual(5);
        const pausesMs = probedMs.slice(1).map((atMs, n) => atMs - (probedMs[n] ?? 0));
        // A round of this model may pass until it is asked, and a request for the whole time-out may come before.
        expect(Math.max(...pausesMs)).toBeLessThanOrEqual(
          1.5 * 67 * quickCostMs + 3 * quickCostMs + timeoutMs + besideMs,
        );
      },
    ),
    { numRuns: 50 },
  );
});

test.each([
  { loss: 0, limit: 3 },
  { loss: 0.1, limit: 3 },
  { loss: 0.2, limit: 5 },
  { loss: 0.5, limit: 8 },
])('on a line that loses $loss of the answers a unit is given up after about $limit in a row', ({ loss, limit }) => {
  const silent = (guard: UnitGuard): boolean =>
    guard.silent({ ...slow, nowMs: 0, costMs: 100, holdOffMs: 0, isAlone: false });
  const guard = new UnitGuard();
  // Evenly, and never three in a row.
  for (let request = 1; request <= 200; request++) {
    if (Math.floor(request * loss) > Math.floor((request - 1) * loss)) silent(guard);
    else guard.answered();
  }
  guard.answered();
  let tries = 1;
  while (!silent(guard)) tries += 1;
  expect(Math.abs(tries - limit)).toBeLessThanOrEqual(1);
  guard.answered();
  expect(guard.isOpen, 'its outage is no loss of the line').toBe(false);
  tries = 1;
  while (!silent(guard)) tries += 1;
  expect(Math.abs(tries - limit)).toBeLessThanOrEqual(1);
});

test('a unit that is alone on its link is asked again within ten to fifteen times what a request in vain costs', () => {
  fc.assert(
    fc.property(fc.record(shares), ({ share }) => {
      const guard = new UnitGuard(() => share);
      for (let request = 0; request < 30; request++) {
        guard.silent({ ...slow, nowMs: 0, costMs: 1_000, holdOffMs: 0, isAlone: true });
      }
      expect(guard.mayAsk(9_999)).toBe(false);
      expect(guard.mayAsk(15_000)).toBe(true);
      expect(guard.answered()).toBe(true);
      expect(guard.mayAsk(0)).toBe(true);
    }),
  );
});
