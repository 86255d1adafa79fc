/** Models 701, 713 and 714 of SunSpec, their registers computed by hand after sunspec/models json/model_701.json, … */
import { expect, test } from 'vitest';
import { common, end, startSunspecDevice, wordsOf } from './sunspec-device.ts';
import { readWith, toPort, walked } from './sunspec-walked.ts';

/** Of a phase: W, VA, Var, PF, A, voltage to the next phase, voltage to neutral, four energies of 64 bits. */
const phase = (watts: string, amperes: string, volts: string): string =>
  `${watts} 8000 8000 8000 ${amperes} FFFF ${volts}\nFFFF × 16`;

/** `wattHours`: TotWhInj, in hexadecimal. */
const der = (wattHours: string, wattsFactor = '0001') => `
  02BD 0099                 // model 701, 153 registers
  0002 0001 0003 0001       // three phases, on, running, connected
  0000 0080                 // alarms: bit 7
  0000 0001                 // mode: follows the grid
  0384                      // W: 900 × 10^1
  0386                      // VA: 902 × 10^1
  FFF6                      // Var: -10 × 10^1
  FC1A                      // PF: -998 × 10^-3
  04D2                      // A: 1,234 × 10^-2
  0F9B 0902                 // LLV, LNV: 3,995 and 2,306 × 10^-1
  0000 C35C                 // Hz: 50,012 × 10^-3
  ${wattHours}
  0000 0000 0000 04D2       // TotWhAbs: 1,234 × 10^1
  FFFF × 4                  // TotVarhInj: not available
  FFFF × 4
  00D7 01A4 8000 8000 8000 8000   // temperatures: 215 and 420 × 10^-1
  ${phase('012C', '019B', '0901')}
  ${phase('012C', '019B', '0906')}
  ${phase('FED4', '019C', '08FC')}
  0000 0000 0000            // throttled by nothing
  FFFE FFFF FFFD            // A_SF -2, V_SF -1, Hz_SF -3
  ${wattsFactor} FFFD 0001 0001       // W_SF, PF_SF -3, VA_SF 1, Var_SF 1
  0001 8000 FFFF            // TotWh_SF 1, TotVarh_SF none, Tmp_SF -1
  0000 × 32                 // what the maker says of alarms
`;

const storage = `
  02C9 0007                 // model 713, 7 registers
  04B0 0258                 // 1,200 and 600 × 10^1
  01F4 03D4 0000            // 500 and 980 × 10^-1, well
  0001 FFFF                 // WH_SF 1, Pct_SF -1
`;

const port = (kind: string, values: string): string => `${kind} 0001\n0000 × 8\n${values}`;
const ports = `
  02CA 0044                 // model 714, 68 registers: two ports
  0000 0000 0002            // alarms, number of ports
  8000 8000
  FFFF × 8                  // of all ports: not available
  FFFE FFFF 0001 0000 FFFF  // DCA_SF -2, DCV_SF -1, DCW_SF 1, DCWH_SF 0, Tmp_SF -1
  ${port('0000', '01F4 1770 012C\n0020 0000 0000 0001\nFFFF × 4\n01A4 0001 0000 0000')}
  ${port('0001', 'FE0C 1388 FF38\n0000 0000 0000 0000\n0000 0000 0000 002A\n8000 0002 0000 0080')}
`;

const wattHours = '0000 0002 DFDC 1C35       // TotWhInj: 12,345,678,901 × 10^1';

test('the hand-written models are as long as they say', () => {
  expect(wordsOf(der(wattHours))).toHaveLength(2 + 153);
  expect(wordsOf(storage)).toHaveLength(2 + 7);
  expect(wordsOf(ports)).toHaveLength(2 + 68);
});

test('a distributed energy resource is walked, and read with the scale factors from the end of its models', async () => {
  const device = await startSunspecDevice(40_000, [common, der(wattHours), storage, ports, end]);
  const { folder, said } = await walked(toPort(device));
  expect(said.slice(1, -1)).toEqual([
    '  model 1 at 40002: who made it',
    '  model 701 at 40070: measurements of a distributed energy resource, 25 tags of 28 have a value',
    '  model 713 at 40225: storage of a distributed energy resource, 5 tags of 5 have a value',
    '  model 714 at 40234: DC ports of a distributed energy resource, 16 tags of 18 have a value',
  ]);
  const { readings, tags } = await readWith(folder, device);
  expect(readings).toEqual({
    'der.state': 1,
    'der.state.inverter': 3,
    'der.state.grid': 1,
    'der.alarms': 128,
    'der.power': 9_000,
    'der.power.apparent': 9_020,
    'der.power.reactive': -100,
    'der.power.factor': -0.998,
    'der.current': 12.34,
    'der.voltage.line': 399.5,
    'der.voltage': 230.6,
    'der.frequency': 50.012,
    'der.energy.injected': 123_456_789_010,
    'der.energy.absorbed': 12_340,
    'der.temperature.ambient': 21.5,
    'der.temperature.cabinet': 42,
    'der.power.l1': 3_000,
    'der.current.l1': 4.11,
    'der.voltage.l1': 230.5,
    'der.power.l2': 3_000,
    'der.current.l2': 4.11,
    'der.voltage.l2': 231,
    'der.power.l3': -3_000,
    'der.current.l3': 4.12,
    'der.voltage.l3': 230,
    'storage.energy.rated': 12_000,
    'storage.energy.available': 6_000,
    'storage.charge': 50,
    'storage.health': 98,
    'storage.state': 0,
    'port1.kind': 0,
    'port1.current': 5,
    'port1.voltage': 600,
    'port1.power': 3_000,
    'port1.energy.injected': 9_007_199_254_740_992, // 2^53 + 1 as a float64, which a scale factor makes of it
    'port1.temperature': 42,
    'port1.state': 1,
    'port1.alarms': 0,
    'port2.kind': 1,
    'port2.current': -5,
    'port2.voltage': 500,
    'port2.power': -2_000,
    'port2.energy.injected': 0,
    'port2.energy.absorbed': 42,
    'port2.state': 2,
    'port2.alarms': 128,
  });
  expect(tags.find(({ tag }) => tag === 'der.energy.injected')).toMatchObject({ unit: 'Wh', address: 40_089 });
});

test('a scale factor that says none takes their values from all points that it scales', async () => {
  const asleep = await startSunspecDevice(40_000, [common, der(wattHours, '8000'), end]);
  const { folder, profile } = await walked(toPort(asleep));
  expect(profile).toContain('  # - { tag: der.power, ');
  expect(profile).toContain('  # - { tag: der.energy.reactive.injected, ');
  const { readings } = await readWith(folder, asleep);
  expect(Object.keys(readings)).not.toContain('der.power.l1');
  expect(readings).toMatchObject({ 'der.power.apparent': 9_020, 'der.energy.injected': 123_456_789_010 });
});

test('a counter of 64 bits that is not there is left as a remark, with its registers', async () => {
  const device = await startSunspecDevice(40_000, [common, der('FFFF × 4'), end]);
  const { profile } = await walked(toPort(device));
  expect(profile).toMatch(/^ {2}# - \{ tag: der\.energy\.injected, .*address: 40089, .*scaleFactor: 40190 \}$/m);
  expect(profile).toMatch(/^ {2}- \{ tag: der\.power, .*address: 40080, .*scaleFactor: 40186 \}$/m);
});
