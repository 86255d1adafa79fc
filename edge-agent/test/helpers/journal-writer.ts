/** A process that writes a journal as fast as it can and says each batch once it is durable; it is there to be killed. */
import { writeSync } from 'node:fs';
import { openJournal, samplesOf } from './journal.ts';

/** Waits for the reader: the pipe may be full. */
function say(line: string): void {
  for (let rest = Buffer.from(line); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

const [folder = ''] = process.argv.slice(2);
const journal = openJournal(folder, { segmentBytes: 150_000 });
for (let round = 1; ; round++) {
  journal.record(samplesOf((round * 37) % 500), round % 3);
  for (const { stream, seq, samples } of journal.flush()) say(`${JSON.stringify({ stream, seq, samples })}\n`);
}
