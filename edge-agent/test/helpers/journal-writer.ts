/** A process that writes a journal as fast as it can and says each batch once it is durable; it is there to be killed. */
import { openJournal, samplesOf } from './journal.ts';
import { say } from './say.ts';

const [folder = '', mode] = process.argv.slice(2);
if (mode === 'confirming') {
  // So much that logs fill up, and segments whose batches are confirmed go.
  const journal = openJournal(folder, { segmentBytes: 16 * 1024 ** 2, survives: 'power-cut' });
  for (let round = 1; ; round++) {
    journal.record(samplesOf(4_000 + (round % 7)), 0);
    for (const { stream, seq, samples } of journal.flush()) {
      if (seq > 2) journal.confirm(stream, [[1, seq - 2]]);
      say(JSON.stringify({ stream, seq, samples }));
    }
  }
}
const journal = openJournal(folder, { segmentBytes: 150_000 });
for (let round = 1; ; round++) {
  journal.record(samplesOf((round * 37) % 500), round % 3);
  for (const { stream, seq, samples } of journal.flush()) say(JSON.stringify({ stream, seq, samples }));
}
