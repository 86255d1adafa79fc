/**
 * A process that thins the segment of a folder, one batch at a time, and says each step; it is there to be killed, or does so
 * itself after a step, which no parent can do in time.
 */
import { setImmediate } from 'node:timers/promises';
import { say } from './say.ts';
import { beginThinning, loadSegment } from './thinning.ts';

const [folder = '', ownEnd = 'Infinity'] = process.argv.slice(2);
const job = beginThinning({ segment: loadSegment(folder) });
let said = 0;
const tell = (what: string): void => {
  say(what);
  said += 1;
  if (said === Number(ownEnd)) process.kill(process.pid, 'SIGKILL');
};
for (;;) {
  const state = job.step(0);
  tell(state);
  if (state !== 'more') break;
  await setImmediate();
}
tell(job.finish() ? 'finished' : 'not finished');
