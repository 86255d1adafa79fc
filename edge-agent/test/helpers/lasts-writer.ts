/** A process that writes a journal of many series and says what of them is durable, and confirms it later; it is there to be killed. */
import { openJournal } from './journal.ts';
import { say } from './say.ts';

const [folder = '', run] = process.argv.slice(2);
const journal = openJournal(folder, { segmentBytes: 60_000, isRemembered: () => true });
const tags = Array.from({ length: 200 }, (_, n) => ({ device: 'server', tag: `tag${n}`, type: 'float64' as const }));
for (let round = 1; ; round++) {
  // The value of a sample is its round: each series has its own pace, the slowest one of a hundred rounds.
  const told = tags.filter((_, n) => round % (1 + (n % 100)) === 0);
  const time = 1_790_000_000_000_000 + (Number(run) * 1_000 + round) * 1_000;
  journal.record(
    told.map((tag) => ({ tag, time, value: round, quality: 0 })),
    0,
  );
  for (const { stream, seq } of journal.flush()) if (seq > 3) journal.confirm(stream, [[1, seq - 3]]);
  say(JSON.stringify({ round, tags: told.map(({ tag }) => tag) }));
}
