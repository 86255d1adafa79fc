/** A SunSpec device: an inverter (model 103) with a meter (203), its registers written by hand after sunspec/models. */
import { registersFrom, startSimulatedDevice } from '../simulated-device.ts';

/** One word per register, or `8000 × 3`; what follows // is a remark. */
export const wordsOf = (text: string): number[] =>
  text
    .split('\n')
    .map((line) => line.replace(/\/\/.*/, '').trim())
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [word = '', times = '1'] = line.split(' × ');
      return Array<string[]>(Number(times)).fill(word.split(' ')).flat();
    })
    .map((word) => Number.parseInt(word, 16));

export const common = `
  0001 0042                 // model 1, 66 registers
  4163 6D65
  0000 × 14                 // maker: Acme
  5375 6E20 3130
  0000 × 13                 // model: Sun 10
  0000 × 8                  // options
  312E 3200
  0000 × 6                  // version: 1.2
  412D 3700
  0000 × 14                 // serial number: A-7
  0001 8000                 // address; pad
`;

export const inverter = `
  0067 0032                 // model 103, 50 registers
  04D2                      // A: 1,234 × 10^-2
  019B 019B 019C            // phases: 411, 411, 412
  FFFE                      // A_SF: -2
  FFFF FFFF FFFF            // voltages between phases: not available
  0901 0906 08FC            // 2,305 2,310 2,300 × 10^-1
  FFFF                      // V_SF: -1
  0384 0001                 // W: 900 × 10^1
  1388 FFFE                 // Hz: 5,000 × 10^-2
  0386 0001                 // VA: 902 × 10^1
  FFF6 0001                 // VAr: -10 × 10^1
  2706 FFFE                 // PF: 9,990 × 10^-2
  00BC 614E 0000            // WH: 12,345,678
  FFFF 8000                 // DC current: not available, no scale factor
  FFFF 8000                 // DC voltage: the same
  03A2 0001                 // DC power: 930 × 10^1
  01A4 8000 8000 8000 FFFF  // temperatures: 420 × 10^-1, three not available
  0004 0004                 // state, that of the maker
  0000 × 12                 // events
`;

export const meter = `
  00CB 0069                 // model 203, 105 registers
  FB2E 8000 8000 8000 FFFE  // A: -1,234 × 10^-2, no phases
  5A3C 5A0A 8000 8000       // voltages: 23,100, 23,050 × 10^-2
  8000 × 4
  FFFE                      // V_SF: -2
  8000 8000                 // Hz: not available
  DCD8 8000 8000 8000 0000  // W: -9,000
  8000 × 5                  // VA
  8000 × 5                  // VAR
  8000 × 5                  // PF
  0001 E240                 // exported: 123,456 × 10^1
  0000 × 6
  0000 3039                 // imported: 12,345 × 10^1
  0000 × 6
  0001                      // TotWh_SF: 1
  0000 × 16
  8000                      // TotVAh_SF
  0000 × 32
  8000                      // TotVArh_SF
  0000 0000                 // events
`;

export const end = 'FFFF 0000';

/** A device whose map is at `base`; gives its port. */
export async function startSunspecDevice(base: number, parts: readonly string[], unit = 1): Promise<number> {
  const words = wordsOf(['5375 6E53', ...parts].join('\n'));
  const { port } = await startSimulatedDevice({ unit, points: registersFrom(base, words) });
  return port;
}
