import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

/** In a process of its own, since the encoder keeps lengths for ever: bytes held more after all lengths were met one by one. */
function heldBytes(warm: boolean): number {
  const program = `
    import { createRequire } from 'node:module';
    import { warmPacketLengths } from ${JSON.stringify(new URL('../../src/runtime/packet-lengths.ts', import.meta.url).href)};
    const { writeToStream } = createRequire(import.meta.resolve('mqtt'))('mqtt-packet');
    if (${warm}) warmPacketLengths(writeToStream);
    writeToStream.cacheNumbers = false;
    // A collection frees buffers beside the program: the next one waits for it.
    const external = () => { gc(); gc(); return process.memoryUsage().external; };
    const before = external();
    const payload = Buffer.alloc(2_000);
    for (let bytes = 1; bytes <= payload.length; bytes++) {
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
  const [cold, warmed] = [heldBytes(false), heldBytes(true)];
  expect(cold).toBeGreaterThan(50e6);
  expect(warmed).toBeLessThan(cold / 20);
});
