/**
 * The points of a plant with everything decided that the file may leave open: names of servers, seeds, byte orders, paths.
 * The servers serve from these, and tests compute from the same what every sample should have been.
 */
import { resolve } from 'node:path';
import {
  type AnyByteOrder,
  type CharacterPlace,
  type ModbusPoint,
  type ModbusTable,
  type ModbusUnit,
  modbusValueType,
  type OpcuaNode,
  type Plant,
  placeOfPoint,
  registerCount,
  type Signal,
  type SimulatorServer,
} from '@fieldline/shared/config';
import { FieldlineError, type Value, type ValueType } from '@fieldline/shared/contracts';
import { fit } from './fit.ts';
import { fitRegisters } from './modbus/fit-registers.ts';
import { seedOfName } from './signals/random.ts';
import { replayCells } from './signals/replay.ts';
import { samplerOf } from './signals/signal.ts';

export type Point = {
  readonly server: string;
  /** The Modbus unit or the OPC UA server, by name. */
  readonly device: string;
  readonly name: string;
  /** As a client sees it: float64 where the registers are scaled. */
  readonly type: ValueType;
  /** What a client reads at this time, in ms since the epoch. */
  readonly valueAt: (timeMs: number) => Value;
};

export type RegisterPoint = Point & {
  readonly settings: ModbusPoint;
  readonly table: ModbusTable;
  /** Its first register, bit, or record among those of all files. */
  readonly first: number;
  readonly byteOrder: AnyByteOrder;
  /** The first register behind it, or bit in the tables of bits. */
  readonly end: number;
  /** What stands in the registers at this time. */
  readonly rawAt: (timeMs: number) => Value;
  /** The value that a client makes of its registers. */
  readonly reported: (raw: Value) => Value;
};

export type NodePoint = Point & { readonly settings: OpcuaNode };

/** Where in a plant a point stands, and what its files are relative to. */
export type PlaceInPlant = { readonly plantSeed: number; readonly server: string; readonly baseFolder: string };

export const serverName = (server: SimulatorServer, index: number): string =>
  server.name ?? `${server.protocol}-${index + 1}`;

export function registerPoints(unit: ModbusUnit, place: PlaceInPlant): RegisterPoint[] {
  return unit.points.map((settings) => {
    const rawAt = rawSampler(
      settings,
      (value) => fitRegisters(settings, value),
      `${place.server}/${unit.unit}/${settings.name}`,
      place,
    );
    const isScaled = settings.scale !== undefined || settings.offset !== undefined;
    const { table, first } = placeOfPoint(settings);
    const reported = isScaled ? scaledBy(settings) : (raw: Value): Value => raw;
    return {
      server: place.server,
      device: unit.name,
      name: settings.name,
      type: modbusValueType(settings),
      valueAt: isScaled ? (timeMs) => reported(rawAt(timeMs)) : rawAt,
      settings,
      table,
      first,
      byteOrder: settings.byteOrder ?? unit.byteOrder,
      end: first + registerCount(settings),
      rawAt,
      reported,
    };
  });
}

/** A whole number has as many decimals then as the scale and the offset have: what floats add to that nobody means. */
function scaledBy({ type, scale = 1, offset = 0 }: RegisterPoint['settings']): (raw: Value) => Value {
  const places = type.startsWith('float') ? null : Math.max(decimalsOf(scale), decimalsOf(offset));
  return (raw) => {
    const scaled = Number(raw) * scale + offset;
    return places === null ? scaled : Number(scaled.toFixed(places));
  };
}

/** As it is written: 2 of 0.25, 7 of 1e-7. */
function decimalsOf(value: number): number {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  return Math.min(20, Math.max(0, (mantissa.split('.')[1] ?? '').length - Number(exponent)));
}

export function nodePoints(nodes: readonly OpcuaNode[], place: PlaceInPlant): NodePoint[] {
  return nodes.map((settings) => ({
    server: place.server,
    device: place.server,
    name: settings.name,
    type: settings.type,
    valueAt: rawSampler(settings, (value) => fit(settings.type, value), `${place.server}//${settings.name}`, place),
    settings,
  }));
}

/** Every point of a plant, for tests: `valueAt` says what a sample taken at a time must be. */
export function plantPoints(plant: Plant, baseFolder = '.'): Point[] {
  return plant.servers.flatMap((server, index): Point[] => {
    const place = { plantSeed: plant.seed, server: serverName(server, index), baseFolder };
    return server.protocol === 'opcua'
      ? nodePoints(server.nodes, place)
      : server.units.flatMap((unit) => registerPoints(unit, place));
  });
}

type Signalled = {
  readonly name: string;
  readonly type: string;
  readonly registers?: number | undefined;
  readonly characters?: CharacterPlace | undefined;
  readonly scale?: number | undefined;
  readonly offset?: number | undefined;
  readonly signal: Signal;
  readonly seed?: number | undefined;
};

/** @throws FieldlineError settings/invalid where a text of the signal does not read as the type of the point */
function rawSampler(
  settings: Signalled,
  fitted: (value: Value) => Value,
  path: string,
  { plantSeed, baseFolder }: PlaceInPlant,
): (ms: number) => Value {
  const { type, registers, characters, scale, offset } = settings;
  const signal =
    settings.signal.kind === 'replay'
      ? { ...settings.signal, file: resolve(baseFolder, settings.signal.file) }
      : settings.signal;
  const sample = samplerOf(signal, settings.seed ?? seedOfName(plantSeed, path));
  const rawOf = (value: Value): Value => {
    if (scale === undefined && offset === undefined) return fitted(value);
    return fitted((Number(value) - (offset ?? 0)) / (scale ?? 1));
  };
  const perRegister = characters === undefined || characters === 'both-bytes' ? 2 : 1;
  const cut = type === 'string' && registers !== undefined ? registers * perRegister : Number.POSITIVE_INFINITY;
  const rawAt = (timeMs: number): Value => {
    const raw = rawOf(sample(timeMs));
    return typeof raw === 'string' ? textOfBytes(raw, cut) : raw;
  };
  for (const text of textsOf(signal)) {
    try {
      rawOf(text);
    } catch (error) {
      throw new FieldlineError('settings/invalid', `${path}: ${(error as Error).message}`, { cause: error });
    }
  }
  return rawAt;
}

/** What a signal takes from its settings as it stands, and so may not fit the type. */
const textsOf = (signal: Signal): readonly Value[] =>
  signal.kind === 'constant' ? [signal.value] : signal.kind === 'replay' ? replayCells(signal) : [];

/** As much of a text as fits so many bytes of UTF-8, without a half character at the end. */
function textOfBytes(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  let size = 0;
  let cut = '';
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > bytes) break;
    cut += character;
  }
  return cut;
}
