/** A process that records undated samples as fast as it can and says how many are durable; it is there to be killed. */
import { writeSync } from 'node:fs';
import { systemBoot } from '../../src/journal/undated/boot.ts';
import { numberTag } from './journal.ts';
import { ClocklessGateway, openUndated } from './undated.ts';

const [folder = '', from = '0'] = process.argv.slice(2);
const boot = systemBoot();
const clock = { now: () => boot.micros(), monotonicMs: () => boot.micros() / 1_000 };
const log = openUndated(folder, new ClocklessGateway(), { boot, clock, survives: 'power-cut' });
for (let value = Number(from); ; ) {
  for (let count = 0; count < 1 + (value % 50); count++) {
    log.record('process', [{ tag: numberTag, time: clock.now(), value, quality: 0 }], 0);
    value += 1;
  }
  log.flush();
  writeSync(1, `${value}\n`);
}
