/** Files of a simulated device: read by the driver over every framing, and by hand. */
import { plantSchema } from '@fieldline/shared/config';
import { startPlant } from '@fieldline/simulators';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as plan from '../../../edge-agent/src/commands/plan/command.ts';
import * as probe from '../../../edge-agent/src/commands/probe/command.ts';
import * as read from '../../../edge-agent/src/commands/read/command.ts';
import { runByHand, settingsFile } from '../../../edge-agent/test/commands/run-by-hand.ts';
import { device, startRig } from '../../../edge-agent/test/drivers/modbus/rig.ts';

const constant = (value: unknown): object => ({ kind: 'constant', value });
const points = [
  { name: 'hours', file: 4, record: 1, type: 'uint32', signal: constant(123_456) },
  { name: 'total', file: 4, record: 30, type: 'uint64', signal: constant('9007199254740993') },
  { name: 'voltage', file: 9, record: 0, type: 'float32', signal: constant(230.5) },
  { name: 'label', file: 65_535, record: 9_990, type: 'string', registers: 4, signal: constant('LINE 7') },
  { name: 'power', file: 9, record: 40, type: 'int16', signal: constant(-123) },
  { name: 'factor', file: 9, record: 42, type: 'int16', signal: constant(-1) },
];
const tags = [
  { tag: 'hours', file: 4, record: 1, type: 'uint32' },
  { tag: 'total', file: 4, record: 30, type: 'uint64' },
  { tag: 'voltage', file: 9, record: 0, type: 'float32' },
  { tag: 'label', file: 65_535, record: 9_990, type: 'string', registers: 4 },
  { tag: 'power', file: 9, record: 40, type: 'int16', scaleFactor: 'factor' },
  { tag: 'factor', file: 9, record: 42, type: 'int16' },
];
const right = {
  hours: 123_456,
  total: 9_007_199_254_740_993n,
  voltage: 230.5,
  label: 'LINE 7',
  power: -12.3,
  factor: -1,
};

const protocols = {
  tcp: 'modbus-tcp',
  udp: 'modbus-udp',
  'rtu-over-tcp': 'modbus-rtu-over-tcp',
  'ascii-over-tcp': 'modbus-ascii-over-tcp',
} as const;

async function start(kind: keyof typeof protocols): Promise<{ kind: string; host: string; port: number }> {
  const units = [{ name: 'plc', points }];
  const servers = [{ protocol: protocols[kind], name: 'bus', port: 0, units }];
  const running = await startPlant(plantSchema.parse({ plant: 'p', servers }));
  onTestFinished(() => running.close());
  return { kind, host: '127.0.0.1', port: running.servers[0]?.port ?? 0 };
}

test.each(['tcp', 'udp', 'rtu-over-tcp', 'ascii-over-tcp'] as const)(
  'by %s all of them are read in one request',
  async (kind) => {
    const rig = await startRig([device({ link: await start(kind), tags })]);
    expect(rig.driver.requests.map(({ name }) => name)).toEqual([
      'plc file 4 records 1–2, 30–33; file 9 records 0–1, 40–42; file 65535 records 9990–9993',
    ]);
    expect(await rig.read()).toEqual(right);
    expect(await rig.read()).toEqual(right);
  },
);

describe('by hand', () => {
  test('read shows records as it shows registers', async () => {
    const { port } = await start('tcp');
    const { said, thrown } = await runByHand(read, [
      ...['--host', '127.0.0.1', '--port', String(port), '--file', '9', '--record', '0', '--type', 'float32'],
    ]);
    expect(thrown).toBe(null);
    expect(said[0]).toMatch(/^device, unit 1, file 9 records 0–1 \(2 registers\): \d+\.\d ms$/);
    expect(said[1]).toBe('  value  4366 8000  230.5  good');
    const missing = await runByHand(read, ['--host', '127.0.0.1', '--port', String(port), '--file', '9']);
    expect(String(missing.thrown)).toContain(
      'record: is missing: state the number of the first record in the file, from 0',
    );
    const none = await runByHand(read, ['--host', '127.0.0.1', '--port', String(port)]);
    expect(String(none.thrown)).toContain('--address is missing: which register to read, or --file and --record');
  });

  test('probe tells what records may mean, and the tag lines have file and record', async () => {
    const { port } = await start('tcp');
    const place = ['--host', '127.0.0.1', '--port', String(port), '--file', '9', '--record', '0', '--count', '2'];
    const { said, thrown } = await runByHand(probe, [...place, '--pause-ms', '20']);
    expect(thrown).toBe(null);
    expect(said[0]).toMatch(/^file 9 records 0–1 of unit 1 on 127\.0\.0\.1:\d+, read twice within 20 ms$/);
    expect(said.at(-1)).toBe('  - { tag: r0, file: 9, record: 0, type: float32 }');
    const tooMany = await runByHand(probe, [...place.slice(0, -1), '122']);
    expect(String(tooMany.thrown)).toContain('--count is 122; it must be a whole number from 1 to 121');
  });

  test('plan says what a request for several stretches costs a serial line', async () => {
    const file = settingsFile(`  - device: plc
    protocol: modbus
    link: { kind: rtu, path: /dev/ttyS9, baudRate: 9600 }
    tags: ${JSON.stringify(tags.slice(0, 3))}
`);
    const { said, thrown } = await runByHand(plan, ['--config', file]);
    expect(thrown).toBe(null);
    // 11 bits a character: 1.1458 ms. 5 + 3 × 7 asked, 5 + 3 × 2 + 16 answered, twice 3.5 of silence, 10 ms to answer: 78.8 ms.
    expect(said[1]).toBe(
      '  plc  unit 1  file 4 records 1–2, 30–33; file 9 records 0–1  8 wanted, 8 read  3 tags  every 1000 ms  78.8 ms of the line',
    );
  });
});
