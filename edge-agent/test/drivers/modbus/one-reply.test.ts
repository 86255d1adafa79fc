import { expect, onTestFinished, test } from 'vitest';
import { type Answer, exception, type Plc, registers, startPlc } from './plc.ts';
import { device, startRig, tcp } from './rig.ts';

async function plcWith(answer: Answer): Promise<Plc> {
  const plc = await startPlc(answer);
  onTestFinished(() => plc.close());
  return plc;
}

test('a value and its scale factor are of one moment, whatever the limits, though the device changes both all the time', async () => {
  let turn = 0;
  /** 230.5 by ever other registers: 2305 and −1, 23050 and −2. The counter has the same number in all its registers. */
  const plc = await plcWith((ask, { send }) => {
    turn = (turn + 1) % 2;
    const value = turn === 0 ? 2_305 : 23_050;
    const all = [value, turn + 1, turn + 1, turn + 1, turn + 1, 0, 0, turn === 0 ? 0xffff : 0xfffe, 7];
    send(registers(ask, all.slice(ask.first, ask.first + ask.count)));
  });
  const tags = [
    { tag: 'volts', address: 0, scaleFactor: 'volts-sf' },
    { tag: 'counter', address: 1, type: 'uint64' },
    { tag: 'volts-sf', address: 7, type: 'int16' },
    { tag: 'last', address: 8 },
  ];
  const rig = await startRig([device({ link: tcp(plc.port), maxRegisters: 8, tags })]);
  for (let round = 0; round < 10; round++) {
    const { volts, counter, last } = await rig.read();
    expect(volts).toBe(230.5);
    const limbs = (counter as bigint).toString(16).padStart(16, '0').match(/..../g) ?? [];
    expect(new Set(limbs).size).toBe(1);
    expect(last).toBe(7);
  }
  expect(new Set(plc.asks.map(({ first, count }) => `${first}+${count}`))).toEqual(new Set(['0+8', '8+1']));
});

test('a scale factor that is not available makes the value bad, and comes back with it', async () => {
  let factor = 0x8000;
  const plc = await plcWith((ask, { send }) => send(registers(ask, [2_305, factor])));
  const tags = [{ tag: 'volts', address: 0, scaleFactor: 1 }];
  const rig = await startRig([device({ link: tcp(plc.port), tags })]);
  expect(await rig.read()).toEqual({ volts: 'bad/not-available' });
  factor = 0xffff;
  expect(await rig.read()).toEqual({ volts: 230.5 });
});

test('what must not be read is not read, also while the device refuses its neighbours and blocks are divided', async () => {
  const touched = new Set<number>();
  const plc = await plcWith((ask, { send }) => {
    const asked = Array.from({ length: ask.count }, (_, n) => ask.first + n);
    for (const address of asked) touched.add(address);
    send(asked.includes(9) ? exception(ask, 2) : registers(ask, asked));
  });
  const tags = [0, 1, 3, 6, 7, 9, 10].map((address) => ({ tag: `w${address}`, address }));
  const avoid = { holding: [[4, 5]] };
  const rig = await startRig([device({ link: tcp(plc.port), avoid, tags })]);
  const right = { w0: 0, w1: 1, w3: 3, w6: 6, w7: 7, w9: 'bad/address', w10: 10 };
  for (let round = 0; round < 3; round++) expect(await rig.read()).toEqual(right);
  expect([...touched].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 6, 7, 8, 9, 10]);
});
