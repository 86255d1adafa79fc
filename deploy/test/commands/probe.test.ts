/** Blocks of registers whose meaning is known, behind the simulator: the right reading must stand among the first three. */
import { describe, expect, test } from 'vitest';
import * as probe from '../../../edge-agent/src/commands/probe/command.ts';
import { runByHand } from '../../../edge-agent/test/commands/run-by-hand.ts';
import { startSimulatedDevice } from '../simulated-device.ts';

const constant = (value: number | string | boolean) => ({ kind: 'constant', value });

async function probed(points: readonly object[], address: number, count: number, ...more: string[]) {
  const { port } = await startSimulatedDevice({ points });
  const place = ['--host', '127.0.0.1', '--port', `${port}`, '--address', `${address}`, '--count', `${count}`];
  const { said, thrown } = await runByHand(probe, [
    ...place,
    ...(more.includes('--pause-ms') ? [] : ['--pause-ms', '20']),
    ...more,
  ]);
  expect(thrown).toBe(null);
  const tags = said.slice(said.indexOf('tags:') + 1);
  return { said, tags, firstThree: (at: number): string[] => readingsAt(said, at).slice(0, 3) };
}

/** `float32 CDAB 230.5`: what the lines below an address say. */
function readingsAt(said: readonly string[], at: number): string[] {
  const begin = said.findIndex((line) => line.startsWith(`${at} `));
  const end = said.findIndex((line, index) => index > begin && !line.startsWith(' '));
  return said.slice(begin, end).map((line) => line.slice(said[1]?.indexOf('READ AS')).trim().replace(/ {2,}/g, '  '));
}

type Case = readonly [what: string, point: object, count: number, right: RegExp];
const cases: readonly Case[] = [
  ['a voltage, float32', { type: 'float32', signal: constant(230.4) }, 2, /^float32 {2}230\.39/],
  [
    'the same, lowest register first',
    { type: 'float32', byteOrder: 'CDAB', signal: constant(230.4) },
    2,
    /^float32 CDAB {2}230\.39/,
  ],
  ['… bytes swapped', { type: 'float32', byteOrder: 'BADC', signal: constant(230.4) }, 2, /^float32 BADC {2}230\.39/],
  [
    '… all turned round',
    { type: 'float32', byteOrder: 'DCBA', signal: constant(230.4) },
    2,
    /^float32 DCBA {2}230\.39/,
  ],
  ['a frequency', { type: 'float32', signal: constant(49.98) }, 2, /^float32 {2}49\.97/],
  [
    'a negative power',
    { type: 'float32', byteOrder: 'CDAB', signal: constant(-1234.5678) },
    2,
    /^float32 CDAB {2}-1234\.5/,
  ],
  ['a small counter', { type: 'uint32', signal: constant(1_234) }, 2, /^uint32 or int32 {2}1234/],
  ['a counter', { type: 'uint32', signal: constant(1_193_046) }, 2, /^uint32 or int32 {2}1193046/],
  [
    'a counter, lowest register first',
    { type: 'uint32', byteOrder: 'CDAB', signal: constant(1_193_046) },
    2,
    /^uint32 or int32 CDAB {2}1193046/,
  ],
  ['a negative int32', { type: 'int32', signal: constant(-200) }, 2, /^int32 {2}-200/],
  [
    'a negative int32, lowest register first',
    { type: 'int32', byteOrder: 'CDAB', signal: constant(-70_000) },
    2,
    /^int32 CDAB {2}-70000/,
  ],
  ['an energy in 64 bits', { type: 'uint64', signal: constant(1_234_567_890) }, 4, /^uint64 or int64 {2}1234567890/],
  [
    'an energy in 64 bits, lowest register first',
    { type: 'uint64', byteOrder: 'CDAB', signal: constant(123_456_789) },
    4,
    /^uint64 or int64 CDAB {2}123456789/,
  ],
  ['a float64', { type: 'float64', signal: constant(231.7) }, 4, /^float64 {2}231\.7/],
  [
    'a float64, lowest register first',
    { type: 'float64', byteOrder: 'CDAB', signal: constant(17.123456789) },
    4,
    /^float64 CDAB {2}17\.123456789/,
  ],
  ['a plain register', { signal: constant(2_305) }, 1, /^uint16 or int16 {2}2305/],
  ['a negative temperature', { type: 'int16', signal: constant(-55) }, 1, /^int16 {2}-55/],
  [
    'a serial number',
    { type: 'string', registers: 6, signal: constant('SN-4711-AB') },
    6,
    /^string × 6 {2}"SN-4711-AB"/,
  ],
  [
    'a text, bytes swapped',
    { type: 'string', registers: 4, byteOrder: 'BADC', signal: constant('PM5110') },
    4,
    /^string BADC × 4 {2}"PM5110"/,
  ],
];

describe('among the first three readings stands', () => {
  test.each(cases)('%s', async (_what, point, count, right) => {
    const { firstThree } = await probed([{ address: 100, ...point }], 100, count);
    expect(firstThree(100)).toContainEqual(expect.stringMatching(right));
  });
});

describe('a block of several values', () => {
  const points = [
    { address: 10, type: 'float32', signal: constant(231.2) },
    { address: 12, type: 'float32', signal: constant(0.953) },
    { address: 14, type: 'float32', signal: constant(50.02) },
    { address: 16, type: 'uint32', signal: constant(87_654) },
    { address: 18, type: 'int16', signal: constant(-12) },
    { address: 19, signal: constant(2_301) },
    { address: 20, type: 'string', registers: 4, signal: constant('EM24-DIN') },
  ];

  test('becomes tag lines that can be put into the settings', async () => {
    const { tags } = await probed(points, 10, 14);
    expect(tags).toEqual([
      '  - { tag: r10, address: 10, type: float32 }',
      '  - { tag: r12, address: 12, type: float32 }',
      '  - { tag: r14, address: 14, type: float32 }',
      '  - { tag: r16, address: 16, type: uint32 }',
      '  - { tag: r18, address: 18, type: int16 }',
      '  - { tag: r19, address: 19, type: uint16 }',
      '  - { tag: r20, address: 20, type: string, registers: 4 }',
    ]);
  });

  test('is understood too where its values move and registers are empty', async () => {
    const sine = { kind: 'sine', mean: 12.5, amplitude: 1, periodMs: 30_000 };
    const counter = { kind: 'counter', start: 187_654, stepMs: 30, since: new Date().toISOString() };
    const moving = [
      { address: 10, type: 'float32', signal: constant(231.2) },
      { address: 12, type: 'float32', signal: sine },
      { address: 14, type: 'uint32', byteOrder: 'CDAB', signal: counter },
      { address: 16, signal: constant(4_998) },
      { address: 17, signal: constant(0) },
      { address: 18, signal: constant(0) },
      { address: 19, type: 'int16', signal: constant(-123) },
      { address: 20, type: 'float64', byteOrder: 'CDAB', signal: constant(55.293_487_22) },
    ];
    const { tags, firstThree } = await probed(moving, 10, 14, '--pause-ms', '200');
    const right = {
      10: 'float32  ',
      12: 'float32  ',
      14: 'uint32 or int32 CDAB  ',
      16: 'uint16 or int16  ',
      19: 'int16  ',
      20: 'float64 CDAB  ',
    };
    for (const [at, reading] of Object.entries(right)) {
      expect(firstThree(Number(at)), at).toContainEqual(expect.stringContaining(reading));
    }
    expect(tags.slice(0, 3)).toEqual([
      '  - { tag: r10, address: 10, type: float32 }',
      '  - { tag: r12, address: 12, type: float32 }',
      '  - { tag: r14, address: 14, type: uint32, byteOrder: CDAB }',
    ]);
  });

  test('is ranked the same each time', async () => {
    const [first, second] = [await probed(points, 10, 14), await probed(points, 10, 14)];
    expect(first.said.slice(1)).toEqual(second.said.slice(1));
  });

  test('is read from the input registers where that is asked', async () => {
    const { tags } = await probed([{ table: 'input', ...points[0], address: 0 }], 0, 2, '--table', 'input');
    expect(tags).toEqual(['  - { tag: r0, table: input, address: 0, type: float32 }']);
  });
});

describe('what moves between the two times', () => {
  test('a counter is known by its rising, and its wrong orders by their jumps', async () => {
    const counter = { kind: 'counter', start: 70_000, perStep: 1, stepMs: 10, since: new Date().toISOString() };
    const { said } = await probed(
      [{ address: 0, type: 'uint32', byteOrder: 'CDAB', signal: counter }],
      0,
      2,
      '--top',
      '40',
    );
    expect(readingsAt(said, 0)[0]).toMatch(/^uint32 or int32 CDAB {2}7\d{4} → 7\d{4} {2}rises$/);
    expect(readingsAt(said, 0).find((line) => line.startsWith('uint32'))).toContain(' → ');
  });

  test('a clock is known by the time that it shows', async () => {
    const seconds = {
      kind: 'counter',
      start: Math.floor(Date.now() / 1_000),
      perStep: 1,
      stepMs: 1_000,
      since: new Date().toISOString(),
    };
    const { firstThree } = await probed([{ address: 0, type: 'uint32', signal: seconds }], 0, 2);
    expect(firstThree(0)[0]).toMatch(/^time unix-seconds {2}.*the time of now$/);
  });
});

test('what a device refuses is told with what it means, and wrong use with the usage', async () => {
  const { port } = await startSimulatedDevice({ points: [{ address: 0, signal: constant(1) }] });
  const refused = await runByHand(probe, [
    '--host',
    '127.0.0.1',
    '--port',
    `${port}`,
    '--address',
    '0',
    '--count',
    '2',
  ]);
  expect(refused.thrown).toMatchObject({
    code: 'device/exception',
    message: expect.stringContaining('exception 2, illegal data address'),
  });
  const coils = await runByHand(probe, ['--host', 'h', '--address', '0', '--count', '2', '--table', 'coil']);
  expect(coils.thrown).toMatchObject({ code: 'arguments/invalid' });
  const many = await runByHand(probe, ['--host', 'h', '--address', '0', '--count', '126']);
  expect(many.thrown).toMatchObject({
    message: expect.stringContaining('--count is 126; it must be a whole number from 1 to 125'),
  });
});
