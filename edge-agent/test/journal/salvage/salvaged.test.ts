import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Salvaged } from '../../../src/journal/salvage/salvaged.ts';

/** Pages of noise that say they hold rows: a type, a small count, and cells anywhere. */
const page = fc.tuple(fc.nat(60), fc.uint8Array({ minLength: 1_024, maxLength: 1_024 })).map(([count, noise]) => {
  const bytes = Buffer.from(noise);
  bytes[0] = 0x0d;
  bytes.writeUInt16BE(count, 3);
  for (let cell = 0; cell < count; cell++) bytes.writeUInt16BE(bytes.readUInt16BE(8 + cell * 2) % 1_100, 8 + cell * 2);
  return bytes;
});

it('finds nothing in noise, whatever that points to, and ends', () => {
  const file = join(temporaryFolder(), 'noise');
  fc.assert(
    fc.property(fc.array(page, { maxLength: 4 }), fc.uint8Array({ maxLength: 4_000 }), (pages, log) => {
      writeFileSync(file, Buffer.concat(pages));
      writeFileSync(`${file}-wal`, log);
      expect(Salvaged.of(file, { number: 1, stream: crypto.randomUUID(), first: 1, class: 'process' })).toBeNull();
    }),
    { numRuns: 200 },
  );
});
