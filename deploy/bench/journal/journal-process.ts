/** A process with a journal and nothing else: what is measured of it is the journal's, and the making of the samples. */
import type { Job, Results } from './job.ts';
import { live } from './live-job.ts';
import { offline, online } from './size-jobs.ts';
import { speed } from './speed-job.ts';

function run(job: Job): Promise<Results[Job['kind']]> | Results[Job['kind']] {
  switch (job.kind) {
    case 'live':
      return live(job);
    case 'online':
      return online(job);
    case 'offline':
      return offline(job);
    case 'speed':
      return speed(job);
  }
}

const job: Job = JSON.parse(process.argv[2] ?? '');
process.stdout.write(JSON.stringify(await run(job)));
