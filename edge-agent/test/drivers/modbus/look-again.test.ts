import { expect, test } from 'vitest';
import { LookAgain, looksToLongest } from '../../../src/drivers/modbus/look-again.ts';

/** With pauses of their whole length. */
const longest = () => 1;

function createClock() {
  let nowMs = 0;
  let offsetMs = 1_790_000_000_000;
  return {
    now: () => (offsetMs + nowMs) * 1_000,
    monotonicMs: () => nowMs,
    pass: (ms: number) => {
      nowMs += ms;
    },
    set: (byMs: number) => {
      offsetMs += byMs;
    },
  };
}

/** The pauses until so many looks. */
function pausesOf(schedule: LookAgain, clock: ReturnType<typeof createClock>, looks: number): number[] {
  return Array.from({ length: looks }, () => {
    const pauseMs = ((schedule.state?.next ?? 0) - clock.now()) / 1_000;
    clock.pass(pauseMs - 1);
    expect(schedule.isDue).toBe(false);
    clock.pass(1);
    expect(schedule.isDue).toBe(true);
    schedule.looked();
    return pauseMs;
  });
}

test('the pauses double from 10 s to ten minutes; something found begins them anew', () => {
  const clock = createClock();
  const schedule = new LookAgain(clock, longest);
  expect(schedule.state).toBe(null);
  expect(schedule.isDue).toBe(false);
  schedule.begin();
  expect(pausesOf(schedule, clock, 8)).toEqual([10, 20, 40, 80, 160, 320, 600, 600].map((s) => s * 1_000));
  expect(schedule.state?.looks).toBeGreaterThan(looksToLongest);
  schedule.found();
  schedule.looked();
  expect(schedule.state?.looks).toBe(1);
  schedule.end();
  expect(schedule.state).toBe(null);
});

test('goes on where it stood in another run', () => {
  const clock = createClock();
  const before = new LookAgain(clock, longest);
  before.begin();
  pausesOf(before, clock, 3);
  const { state } = before;
  if (state === null) throw new Error('there is a schedule');
  clock.pass(30_000);
  const after = new LookAgain(clock, longest);
  after.resume(state);
  expect(pausesOf(after, clock, 3)).toEqual([50_000, 160_000, 320_000]);
});

test.each([
  ['was due long ago', 3_600_000],
  ['is due at the start', 80_000],
  ['was to be looked for in decades, by a clock that is wrong', -1_000_000_000_000],
])('what %s is looked for neither at once nor later than it would have been', (_what, setByMs) => {
  const clock = createClock();
  const state = { looks: 3, next: clock.now() + 80_000_000 };
  clock.set(setByMs);
  const schedule = new LookAgain(clock);
  schedule.resume(state);
  clock.pass(4_999);
  expect(schedule.isDue).toBe(false);
  clock.pass(75_001);
  expect(schedule.isDue).toBe(true);
});

test('of two schedules that become one the sooner counts', () => {
  const clock = createClock();
  const [one, other] = [new LookAgain(clock, longest), new LookAgain(clock, longest)];
  other.begin();
  pausesOf(other, clock, 2);
  one.adopt(other);
  expect(one.state).toEqual(other.state);
  const later = new LookAgain(clock, longest);
  later.resume({ looks: 6, next: clock.now() + 600_000_000 });
  one.adopt(later);
  expect(one.state?.looks).toBe(2);
});
