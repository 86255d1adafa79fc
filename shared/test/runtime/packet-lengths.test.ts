import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { PacketLengths } from '../../src/runtime/packet-lengths.ts';

/** In a process of its own, since the encoder keeps lengths for ever: bytes held more after all lengths were met one by one. */
function heldBytes(warm: 'none' | 'all' | 'expected'): number {
  const program = `
    import { createRequire } from 'node:module';
    import { PacketLengths, warmPacketLengths } from ${JSON.stringify(new URL('../../src/runtime/packet-lengths.ts', import.meta.url).href)};
    const { writeToStream } = createRequire(import.meta.resolve('mqtt'))('mqtt-packet');
    if (${warm === 'all'}) warmPacketLengths(writeToStream);
    const lengths = ${warm === 'expected'} ? new PacketLengths(writeToStream) : null;
    writeToStream.cacheNumbers = false;
    // A collection frees buffers beside the program: the next one waits for it.
    const external = () => { gc(); gc(); return process.memoryUsage().external; };
    const before = external();
    const payload = Buffer.alloc(2_000);
    for (let bytes = 1; bytes <= payload.length; bytes++) {
      lengths?.expect(bytes, bytes + 32);
      writeToStream({ cmd: 'publish', topic: 'a/b', payload: payload.subarray(0, bytes) }, { write: () => true });
      // What else a program does between two packets: as much as a slab of the pool holds.
      for (let n = 0; n < 64; n++) Buffer.allocUnsafe(2_000);
    }
    process.stdout.write(String(external() - before));`;
  return Number(
    execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '--eval', program], {
      cwd: new URL('../../../edge-agent', import.meta.url),
      encoding: 'utf8',
    }),
  );
}

it('keeps the encoder of MQTT packets from holding a slab of the buffer pool for each length', () => {
  const [cold, warmed, expected] = [heldBytes('none'), heldBytes('all'), heldBytes('expected')];
  expect(cold).toBeGreaterThan(50e6);
  expect(warmed).toBeLessThan(cold / 20);
  expect(expected).toBeLessThan(cold / 20);
});

it('makes the lengths that are expected, a block at a time, and none twice', () => {
  const written: number[] = [];
  const writeToStream = Object.assign(({ payload }: { payload: Buffer }) => written.push(payload.length + 3), {
    cacheNumbers: true,
  });
  const lengths = new PacketLengths(writeToStream);
  lengths.expect(5_000, 5_032);
  expect([written[0], written.at(-1), written.length]).toEqual([4_096, 6_143, 2_048]);
  lengths.expect(6_130, 6_162);
  expect([written[2_048], written.at(-1), written.length]).toEqual([6_144, 8_191, 4_096]);
  lengths.expect(16_380, 16_412);
  expect([written.at(-1), written.length]).toEqual([16_383, 6_144]);
  lengths.expect(100_000, 100_032);
  expect(written.length).toBe(6_144);
  expect(writeToStream.cacheNumbers).toBe(true);
});
