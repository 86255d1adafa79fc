/**
 * Keeps V8 from taking memory because it may. Of what waits for the database much always survives a collection, which V8
 * answers with more room: for new objects up to 134 MB, and for old ones up to four times of what is alive. Measured while a
 * long backlog was stored: 450 MB resident, and 250 MB with these bounds, at the same speed.
 *
 * The flags for the sizes themselves are read only at the start of a process; those for growth at each growth.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Of both halves of the part for new objects. One more doubling may be under way when we look. */
const enoughForNewBytes = 16 * 1024 ** 2;
/** Garbage among the old objects, compared with what is alive, before it is collected. */
const growthPercent = 50;

/** For the process as a whole, and for good. */
export function boundHeap(): void {
  setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
  const observer = new PerformanceObserver(() => {
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    if (young !== undefined && young.space_size < enoughForNewBytes) return;
    setFlagsFromString('--semi-space-growth-factor=1');
    observer.disconnect();
  });
  observer.observe({ entryTypes: ['gc'] });
}
