import { modbusLinkSchema } from '@fieldline/shared/config';
import { expect, test } from 'vitest';
import { halfDuplex, type Switched } from '../../../src/drivers/modbus/channels/serial-channel.ts';
import { lineTiming } from '../../../src/drivers/modbus/line-timing.ts';

const timing = (settings: object) => lineTiming(modbusLinkSchema.parse({ path: '/dev/ttyS1', ...settings }));

test.each([
  // 11 bits each: start, 8 data, parity, stop.
  [{ kind: 'rtu', baudRate: 9_600 }, 4.01, 100],
  [{ kind: 'rtu', baudRate: 19_200 }, 2.005, 200],
  [{ kind: 'rtu', baudRate: 115_200 }, 1.75, 200],
  // 10 bits: 7 data.
  [{ kind: 'ascii', baudRate: 9_600 }, 0, 100],
])('a line of %j has its silence and its time on the wire', (settings, silenceMs, bytes) => {
  const line = timing(settings);
  expect(line.silenceMs).toBeCloseTo(silenceMs, 2);
  const { baudRate, kind } = settings;
  const characters = kind === 'ascii' ? 1 + 2 * (bytes - 2) + 2 + 2 : bytes;
  expect(line.wireMs(bytes)).toBeCloseTo((characters * (kind === 'ascii' ? 10 : 11) * 1_000) / baudRate, 6);
});

test('a network has neither', () => {
  const line = lineTiming(modbusLinkSchema.parse({ kind: 'rtu-over-tcp', host: 'gateway', port: 4001 }));
  expect([line.silenceMs, line.wireMs(255)]).toEqual([0, 0]);
});

test.each([
  ['high-while-sending', ['rts true', 'write 3', 'drained', 'rts false']],
  ['low-while-sending', ['rts false', 'write 3', 'drained', 'rts true']],
] as const)('with RTS %s the transceiver sends only from the first byte to the last', async (rts, expected) => {
  const done: string[] = [];
  const later = (what: string, callback: (error: Error | null) => void): void => {
    setImmediate(() => {
      done.push(what);
      callback(null);
    });
  };
  const port: Switched = {
    set: (signals, callback) => later(`rts ${signals.rts}`, callback),
    write: (bytes) => done.push(`write ${bytes.length}`),
    drain: (callback) => later('drained', callback),
  };
  await halfDuplex(port, { rts, beforeMs: 1, afterMs: 1 })(Buffer.alloc(3));
  expect(done).toEqual(expected);
});
