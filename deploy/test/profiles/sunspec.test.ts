import { describe, expect, test } from 'vitest';
import { common, end, inverter, meter, startSunspecDevice, wordsOf } from './sunspec-device.ts';
import { readWith, toPort, walked } from './sunspec-walked.ts';

test('the hand-written models are as long as they say', () => {
  expect(wordsOf(common)).toHaveLength(2 + 66);
  expect(wordsOf(inverter)).toHaveLength(2 + 50);
  expect(wordsOf(meter)).toHaveLength(2 + 105);
});

describe('a device that is walked', () => {
  test('is told to the technician: who it is, its models, and how many of their points have a value', async () => {
    const { said } = await walked(toPort(await startSunspecDevice(40_000, [common, inverter, meter, end])));
    expect(said).toEqual([
      'Acme Sun 10, serial number A-7, firmware 1.2: SunSpec from register 40000',
      '  model 1 at 40002: who made it',
      '  model 103 at 40070: inverter, whole numbers with scale factors, 17 tags of 25 have a value',
      '  model 203 at 40122: meter, whole numbers with scale factors, 6 tags of 37 have a value',
      'sun.yaml is written; a device in the settings names it: profile: ./sun.yaml',
    ]);
  });

  test('is read by the profile that comes of it, with the scale factors that it states now', async () => {
    const port = await startSunspecDevice(40_000, [common, inverter, meter, end]);
    const { folder } = await walked(toPort(port));
    const { tags, readings } = await readWith(folder, port);
    const expected: Record<string, [number, string | undefined]> = {
      'inverter.current': [12.34, 'A'],
      'inverter.current.l1': [4.11, 'A'],
      'inverter.current.l2': [4.11, 'A'],
      'inverter.current.l3': [4.12, 'A'],
      'inverter.voltage.l1': [230.5, 'V'],
      'inverter.voltage.l2': [231, 'V'],
      'inverter.voltage.l3': [230, 'V'],
      'inverter.power': [9_000, 'W'],
      'inverter.frequency': [50, 'Hz'],
      'inverter.power.apparent': [9_020, 'VA'],
      'inverter.power.reactive': [-100, 'var'],
      'inverter.power.factor': [99.9, '%'],
      'inverter.energy': [12_345_678, 'Wh'],
      'inverter.dc.power': [9_300, 'W'],
      'inverter.temperature.cabinet': [42, '°C'],
      'inverter.state': [4, undefined],
      'inverter.events': [0, undefined],
      'meter.current': [-12.34, 'A'],
      'meter.voltage': [231, 'V'],
      'meter.voltage.l1': [230.5, 'V'],
      'meter.power': [-9_000, 'W'],
      'meter.energy.export': [1_234_560, 'Wh'],
      'meter.energy.import': [123_450, 'Wh'],
    };
    expect(tags.map(({ tag }) => tag).toSorted()).toEqual(Object.keys(expected).toSorted());
    for (const { tag, unit } of tags) {
      expect(Number(readings[tag]), tag).toBeCloseTo(expected[tag]?.[0] ?? Number.NaN, 6);
      expect(unit, tag).toBe(expected[tag]?.[1]);
    }
  });

  test('has its groups for `only` and `override`', async () => {
    const port = await startSunspecDevice(40_000, [common, inverter, meter, end]);
    const { folder } = await walked(toPort(port));
    const { readings, tags } = await readWith(
      folder,
      port,
      ', only: [meter.energies, inverter.power], override: { meter.energies: { everyMs: 9000 } }',
    );
    expect(Object.keys(readings).toSorted()).toEqual(['inverter.power', 'meter.energy.export', 'meter.energy.import']);
    expect(tags.find(({ tag }) => tag === 'meter.energy.export')?.everyMs).toBe(9_000);
  });

  test('is found at 50000 and at 0 too, in the unit that is stated, and two meters are told apart', async () => {
    const port = await startSunspecDevice(50_000, [common, meter, meter, end], 126);
    const { folder, profile } = await walked([...toPort(port), '--unit', '126']);
    expect(profile).toContain('unit 126, registers from 50000');
    const { readings } = await readWith(folder, port, ', unit: 126, only: [meter1.power, meter2.power]');
    expect(readings).toEqual({ 'meter1.power': -9_000, 'meter2.power': -9_000 });
    const atZero = await walked(toPort(await startSunspecDevice(0, [meter, end])));
    expect(atZero.profile).toContain('registers from 0');
    expect(atZero.profile).toContain('model: "SunSpec device"');
  });

  test('keeps what had no value as a remark, to be switched on by hand', async () => {
    const { profile } = await walked(toPort(await startSunspecDevice(40_000, [common, inverter, end])));
    expect(profile).toContain('  # - { tag: inverter.dc.voltage, group: inverter.dc, address: 40099, type: uint16,');
    expect(profile).toMatch(/^ {2}- \{ tag: inverter\.power, .*address: 40084, type: int16, .*scaleFactor: 40085 \}$/m);
  });

  test('of the trackers of an inverter (model 160) reads each, by the scale factors of all', async () => {
    // Two trackers: 8 registers of all, 20 each. DCA_SF -2, DCV_SF -1, DCW_SF 0, DCWH_SF 0; events; N 2; period.
    const tracker = (current: string, voltage: string, power: string) =>
      `0001\n0000 × 8\n${current} ${voltage} ${power}\n0001 E240\n0000 0000\n8000 0004\n0000 0000`;
    const mppt = `00A0 0030\nFFFE FFFF 0000 0000\n0000 0000 0002 0000\n${tracker('01F4', '1770', '0BB8')}\n${tracker('0190', '1388', '07D0')}`;
    const port = await startSunspecDevice(40_000, [common, mppt, end]);
    const { folder } = await walked(toPort(port));
    const { readings } = await readWith(folder, port);
    expect(readings).toEqual({
      'mppt1.current': 5, // 500 × 10^-2
      'mppt1.voltage': 600, // 6,000 × 10^-1
      'mppt1.power': 3_000,
      'mppt1.energy': 123_456,
      'mppt1.state': 4,
      'mppt2.current': 4,
      'mppt2.voltage': 500,
      'mppt2.power': 2_000,
      'mppt2.energy': 123_456,
      'mppt2.state': 4,
    });
  });

  test('in floating point (models 111–113) needs no scale factors, and NaN is no value', async () => {
    // 4366 8000 is 230.5; 7FC0 0000 is NaN. 60 registers, of which the first eight values are currents and voltages.
    const float = `0071 003C\n4140 0000\n7FC0 0000 × 3\n7FC0 0000 × 3\n4366 8000\n7FC0 0000 × 2\n461C 4000\n7FC0 0000 × 13\n0004 0004\n0000 × 12`;
    const port = await startSunspecDevice(40_000, [common, float, end]);
    const { folder } = await walked(toPort(port));
    const { readings } = await readWith(folder, port);
    expect(readings).toMatchObject({ 'inverter.current': 12, 'inverter.voltage.l1': 230.5, 'inverter.power': 10_000 });
    expect(Object.keys(readings)).not.toContain('inverter.frequency');
  });
});

describe('what is no SunSpec device is told', () => {
  test('a device without the map', async () => {
    const port = await startSunspecDevice(1_000, [common, end]);
    await expect(walked(toPort(port))).rejects.toThrow(
      /no SunSpec map: "SunS" stands at none of the registers 40000, 50000, 0/,
    );
  });

  test('a map whose list of models breaks off, and one without a model that is known', async () => {
    const broken = await startSunspecDevice(40_000, [common]);
    await expect(walked(toPort(broken))).rejects.toThrow(/the list of its models breaks off at register 40070/);
    const other = await startSunspecDevice(40_000, [common, 'FDE8 0002\n0000 0000', end]);
    await expect(walked(toPort(other))).rejects.toThrow(/of its models 1, 65000 none is known here/);
  });

  test('a model that is longer than there are registers', async () => {
    const port = await startSunspecDevice(40_000, [common, '0067 FFF0']);
    await expect(walked(toPort(port))).rejects.toThrow(/model 103 at register 40070 says that it is 65520 long/);
  });

  test('no device at all, a file that is there already, and wrong use', async () => {
    await expect(walked(['--host', '127.0.0.1', '--port', '9'])).rejects.toThrow(/127\.0\.0\.1:9: .*ECONNREFUSED/);
    const port = await startSunspecDevice(40_000, [common, inverter, end]);
    const { folder } = await walked(toPort(port));
    await expect(walked(toPort(port), folder)).rejects.toThrow(
      /sun\.yaml: is there already; name another file with --out/,
    );
    await expect(walked([])).rejects.toThrow(/--host, --path or --link is missing\n\nUsage: fieldline-edge sunspec/);
    await expect(walked(['--link', '{ kind: tpc }'])).rejects.toThrow(/--link:1:\d+: kind: .*Did you mean tcp\?/);
  });
});
