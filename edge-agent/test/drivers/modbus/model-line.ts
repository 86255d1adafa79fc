/** A serial line in model time, as `model-bus.ts` has it, with all that watches it. */
import type { Sample } from '@fieldline/shared/contracts';
import { type Log, silentLog } from '@fieldline/shared/runtime';
import { vi } from 'vitest';
import { DeviceReading } from '../../../src/drivers/modbus/device-reading.ts';
import { Learned } from '../../../src/drivers/modbus/learned.ts';
import { LearnedKeeper } from '../../../src/drivers/modbus/learned-keeper.ts';
import { LineWatch } from '../../../src/drivers/modbus/line-watch.ts';
import { createPoller } from '../../../src/poller/poller.ts';
import { createModelLink, devicesOn, type Faults } from './model-bus.ts';
import { device } from './rig.ts';

/** Reads such devices by their plan for so long, and ends in order. `writes`: of the file, before that end. */
export async function readModelLine(
  settings: object[],
  faults: Faults,
  forMs: number,
  learnedFile: string | null = null,
) {
  const { asked, channel } = devicesOn(faults, performance.now());
  const { link, clock, registry, metrics } = createModelLink(channel);
  const warn = vi.fn();
  const log: Log = Object.create(silentLog, { warn: { value: warn } });
  const learned = learnedFile === null ? new Learned() : Learned.read(learnedFile);
  const readings = settings.map((one) => {
    const parsed = device(one);
    link.expect(parsed.unit, null, learned.answerMsOf(link.name, parsed.unit));
    return new DeviceReading(parsed, link, clock, silentLog, (key) => learned.refusalsOf(key, clock.now()));
  });
  const keep = vi.spyOn(learned, 'keep');
  const samples: Sample[] = [];
  const poller = createPoller({ clock, log: silentLog, metrics: registry, onSamples: (some) => samples.push(...some) });
  const watch = new LineWatch(readings, { log, metrics, replanned: poller.replace });
  const keeper = new LearnedKeeper(readings, watch, { clock, log, metrics, learned, file: learnedFile });
  link.start();
  watch.start();
  keeper.start();
  poller.start(readings.flatMap(({ requests }) => requests));
  await vi.advanceTimersByTimeAsync(forMs);
  const writes = keep.mock.calls.length;
  const note = watch.note();
  const overload = watch.overloadOf(link.name);
  const closing = Promise.all([poller.close(), link.close()]);
  await vi.advanceTimersByTimeAsync(1_000);
  await closing;
  vi.useRealTimers();
  watch.close();
  await keeper.close();
  return { asked, samples, writes, note, overload, warn, text: await registry.text() };
}
