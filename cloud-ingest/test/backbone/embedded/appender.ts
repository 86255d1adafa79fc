/** A process of its own that appends and says what was acknowledged, until it is killed. */
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { openEmbeddedBackbone } from '../../../src/backbone/embedded/embedded-backbone.ts';

const [folder = '', from = '0'] = process.argv.slice(2);
const backbone = openEmbeddedBackbone(
  { kind: 'embedded', folder, partitions: 2, retentionBytes: 1_000_000_000, maxRecordBytes: 1_000_000 },
  systemClock,
  silentLog,
);
await backbone.ensureTopic('raw');
for (let n = Number(from); ; n += 10) {
  const records = Array.from({ length: 10 }, (_, i) => ({
    key: `key-${i}`,
    value: Buffer.from(`${n + i}`),
    headers: {},
  }));
  await backbone.append('raw', records);
  process.stdout.write(`${n + 10}\n`);
}
