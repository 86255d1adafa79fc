/**
 * A shipped profile against a simulated device: the real loader, driver and server over TCP. The words in the registers were
 * computed by hand from the source of the profile, and their addresses are those of the source on the wire: none of our own
 * encoders and no address of the profile is used.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadEdgeConfig, type ModbusDevice, registerCount } from '@fieldline/shared/config';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import { probe } from '../../../edge-agent/src/commands/probe/probe.ts';
import { signedTwin } from '../../../edge-agent/src/commands/probe/readings.ts';
import { profilesFolder } from '../../../edge-agent/src/profiles-folder.ts';
import { startRig } from '../../../edge-agent/test/drivers/modbus/rig.ts';
import { registersFrom, startSimulatedDevice } from '../simulated-device.ts';

/** `words`: as they stand in the registers from `at` on, e.g. `'4366 8000'`. */
export type Read = readonly [tag: string, at: number, words: string, value: number | bigint, unit: string | undefined];
export type NotAvailable = readonly [tag: string, at: number, words: string];

export type ProfileCase = {
  /** Where the source says that the values are. */
  readonly table: 'input' | 'holding';
  /** That of the device in the source; the settings state none, so that the profile's counts. */
  readonly unit: number;
  /** Every tag of the profile. */
  readonly reads: readonly Read[];
  readonly notAvailable?: readonly NotAvailable[];
};

export function describeProfile(name: string, { table, unit, reads, notAvailable = [] }: ProfileCase): void {
  describe(name, () => {
    test('reads every tag from the registers of its source', async () => {
      const { device, read } = await start(name, table, unit, reads);
      expect(device.tags.map(({ tag }) => tag).toSorted()).toEqual(reads.map(([tag]) => tag).toSorted());
      const readings = await read();
      for (const [tag, , words, value] of reads) {
        const reading = readings[tag];
        if (typeof value === 'bigint') expect(reading, `${tag} from ${words}`).toBe(value);
        else expect(Number(reading), `${tag} from ${words}`).toBeCloseTo(value, 6);
      }
    });

    test('states the unit of every tag, and a range that holds its value', async () => {
      const { device } = await start(name, table, unit, reads);
      for (const [tag, , , value, wanted] of reads) {
        const setting = device.tags.find((one) => one.tag === tag);
        expect(setting?.unit, tag).toBe(wanted);
        expect(setting?.description, tag).toBeTypeOf('string');
        expect(Number(value), tag).toBeGreaterThanOrEqual(setting?.minimum ?? Number.NEGATIVE_INFINITY);
        expect(Number(value), tag).toBeLessThanOrEqual(setting?.maximum ?? Number.POSITIVE_INFINITY);
      }
    });

    test('is found by probe: what each register holds is among its first three guesses', async () => {
      const { device } = await start(name, table, unit, reads);
      for (const [tag, , words] of reads) {
        const setting = device.tags.find((one) => one.tag === tag);
        if (setting !== undefined && isWhole(setting))
          expect(guesses(words), `${tag}: ${words}`).toContain(shapeOf(device, setting));
      }
    });

    if (notAvailable.length === 0) return;
    test('knows the patterns that say that there is no value', async () => {
      const { read } = await start(name, table, unit, notAvailable);
      const readings = await read();
      for (const [tag, , words] of notAvailable) {
        expect(readings[tag], `${tag} from ${words}`).toBe('bad/not-available');
      }
    });
  });
}

type Setting = ModbusDevice['tags'][number];

/** Parts of registers are not guessed, and what a text or a scale factor is nobody can tell from so few. */
const isWhole = ({ type, bit, bits, byte, scaleFactor }: Setting): boolean =>
  type !== 'string' && [bit, bits, byte, scaleFactor].every((setting) => setting === undefined);

/** In one register there is no order of registers. */
function shapeOf(device: ModbusDevice, setting: Setting): string {
  const order = setting.byteOrder ?? device.byteOrder;
  return `${setting.type} ${registerCount(setting) > 1 ? order : ({ CDAB: 'ABCD', DCBA: 'BADC' }[order as string] ?? order)}`;
}

function guesses(words: string): string[] {
  const bytes = Buffer.from(words.replaceAll(' ', ''), 'hex');
  return probe('holding', bytes, bytes, Date.now() * 1_000)
    .ranked.filter(({ at }) => at === 0)
    .slice(0, 3)
    .flatMap((reading) => {
      const { type, byteOrder = 'ABCD' } = reading.shape;
      const twin = signedTwin(reading);
      return twin === null ? [`${type} ${byteOrder}`] : [`${type} ${byteOrder}`, `${twin} ${byteOrder}`];
    });
}

async function start(name: string, table: string, unit: number, rows: readonly (Read | NotAvailable)[]) {
  const points = rows.flatMap(([, at, words]) => registersFrom(at, wordsIn(words), table));
  const { port } = await startSimulatedDevice({ unit, points });
  const file = join(temporaryFolder(), 'edge.yaml');
  const only = rows.map(([tag]) => tag).join(', ');
  const stated = `device: d, protocol: modbus, link: { kind: tcp, host: 127.0.0.1, port: ${port} }, timeoutMs: 10000`;
  writeFileSync(
    file,
    `gateway: g\nuplink: { broker: 'mqtt://127.0.0.1' }\ndevices: [{ ${stated}, profile: ${name}, only: [${only}] }]\n`,
  );
  const device = loadEdgeConfig(file, profilesFolder).devices[0] as ModbusDevice;
  const { read } = await startRig([device]);
  return { device, read };
}

const wordsIn = (text: string): number[] => text.split(' ').map((word) => Number.parseInt(word, 16));
