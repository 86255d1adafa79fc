import type { Tag, Value } from '@fieldline/shared/contracts';
import { describeWith, freePort } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { pymodbus, readWritten, startPymodbusTypes } from './peers/pymodbus.ts';
import { device, startRig, tcp } from './rig.ts';

describeWith(pymodbus, 'registers that pymodbus and Python have encoded', () => {
  test('are read as what they were made of, a value and its scale factor in one request', async () => {
    const port = await freePort();
    await startPymodbusTypes(port);
    const tags = [
      { tag: 'int16', address: 40_001, type: 'int16' },
      { tag: 'int32', address: 40_002, type: 'int32' },
      { tag: 'low-first', address: 40_004, type: 'int32', byteOrder: 'CDAB' },
      { tag: 'uint64', address: 40_006, type: 'uint64' },
      { tag: 'uint64-low-first', address: 40_010, type: 'uint64', byteOrder: 'CDAB' },
      { tag: 'float32', address: 40_014, type: 'float32', byteOrder: 'CDAB', decimals: 3 },
      { tag: 'float64', address: 40_016, type: 'float64' },
      { tag: 'text', address: 40_020, type: 'string', registers: 10 },
      { tag: 'float16', address: 40_031, type: 'float16' },
      { tag: 'bcd', address: 40_032, type: 'bcd', registers: 2 },
      { tag: 'mod10000', address: 40_034, type: 'mod10000', registers: 4, byteOrder: 'CDAB' },
      { tag: 'unix', address: 40_038, type: 'time', timeForm: 'unix-seconds' },
      { tag: 'clock', address: 40_040, type: 'time', timeForm: 'bcd', utcOffsetMinutes: 60 },
      { tag: 'bit4', address: 40_043, type: 'bool', bit: 4, byteOrder: 'BADC' },
      { tag: 'volts', address: 40_044, scaleFactor: 40_045 },
      { tag: 'int48', address: 40_046, type: 'int48' },
      { tag: 'int8', address: 40_049, type: 'int8', byte: 'high' },
      { tag: 'uint8', address: 40_049, type: 'uint8' },
    ];
    const rig = await startRig([device({ link: tcp(port), addressBase: '4xxxx', tags })]);
    expect(rig.driver.requests.map(({ name }) => name)).toEqual(['plc holding 40001–40049']);
    expect(await rig.read()).toEqual({
      int16: -12_345,
      int32: -1_234_567_890,
      'low-first': -1_234_567_890,
      uint64: 9_007_199_254_740_993n,
      'uint64-low-first': 18_446_744_073_709_551_614n,
      float32: 123.456,
      float64: -2.5e-300,
      text: 'Zähler 7',
      float16: 0.333251953125,
      bcd: 12_345_678,
      mod10000: 1_234_567_890_123n,
      unix: BigInt(Date.UTC(2026, 10, 27, 14, 30, 12)) * 1_000n,
      clock: BigInt(Date.UTC(2026, 10, 27, 13, 30, 12)) * 1_000n,
      bit4: true,
      volts: 230.5,
      int48: -5n,
      int8: -7,
      uint8: 200,
    });
  });

  test('are what pymodbus and Python read after they were written, in every function', async () => {
    const port = await freePort();
    await startPymodbusTypes(port);
    const limits = { min: -1e300, max: 1e300 };
    const largest = { min: 0, max: '18446744073709551615' };
    const written: [object, Value][] = [
      [{ tag: 'coil', address: 0, table: 'coil', type: 'bool', write: {} }, true],
      [{ tag: 'coil15', address: 2, table: 'coil', type: 'bool', write: { functionCode: 15 } }, true],
      [{ tag: 'int16', address: 100, type: 'int16', write: limits }, -12_345],
      [{ tag: 'int32', address: 101, type: 'int32', byteOrder: 'CDAB', write: limits }, -1_234_567_890],
      [{ tag: 'uint64', address: 103, type: 'uint64', write: { ...largest, functionCode: 23 } }, 2n ** 64n - 2n],
      [{ tag: 'float32', address: 107, type: 'float32', write: limits }, Math.fround(123.456)],
      [{ tag: 'float64', address: 109, type: 'float64', byteOrder: 'CDAB', write: limits }, -2.5e-300],
      [{ tag: 'text', address: 113, type: 'string', registers: 5, write: {} }, 'Zähler 7'],
      [{ tag: 'float16', address: 118, type: 'float16', write: limits }, 0.333251953125],
      [{ tag: 'bcd', address: 119, type: 'bcd', registers: 2, write: limits }, 12_345_678],
      [{ tag: 'bit', address: 121, type: 'bool', bit: 4, write: {} }, true],
      [{ tag: 'field', address: 121, bits: [8, 11], write: limits }, 9],
      [{ tag: 'byte', address: 121, type: 'uint8', write: { ...limits, readModifyWrite: true } }, 0x51],
    ];
    const rig = await startRig([device({ link: tcp(port), tags: written.map(([tag]) => tag) })]);
    for (const [{ tag }, value] of written as [{ tag: string }, Value][]) {
      const target = rig.driver.tags.find((one) => one.tag === tag) as Tag;
      const result = await rig.driver.writer?.write(target, { value, permit: () => null });
      expect(result, tag).toMatchObject({ kind: 'accepted', written: value });
    }
    expect(readWritten(port)).toEqual({
      coils: [true, false, true],
      int16: -12_345,
      int32: -1_234_567_890,
      uint64: '18446744073709551614',
      float32: Math.fround(123.456),
      float64: -2.5e-300,
      text: 'Zähler 7',
      float16: 0.333251953125,
      bcd: '12345678',
      flags: 0x0951,
      untouched: 0,
    });
  });
});
