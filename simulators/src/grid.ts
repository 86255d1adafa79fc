import { type Clock, longestTimerMs } from '@fieldline/shared/runtime';

/**
 * Calls `tick` at every whole multiple of `everyMs` since the epoch, with that instant in ms, however late the call itself
 * comes. Instants that have passed by while the process was busy are left out: a controller does not go back in time.
 */
export function onGrid(everyMs: number, clock: Clock, tick: (timeMs: number) => void): { stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const nowMs = (): number => clock.now() / 1_000;
  let next = Math.floor(nowMs() / everyMs + 1) * everyMs;
  const arm = (): void => {
    timer = setTimeout(fire, Math.max(1, Math.min(next - nowMs(), longestTimerMs)));
  };
  const fire = (): void => {
    const now = nowMs();
    // The wall clock may have been set back by a lot; then the grid begins anew.
    if (next - now > everyMs) next = Math.floor(now / everyMs + 1) * everyMs;
    if (now >= next) {
      const due = Math.floor(now / everyMs) * everyMs;
      next = due + everyMs;
      tick(due);
    }
    arm();
  };
  arm();
  return { stop: () => clearTimeout(timer) };
}
