import {
  avoidedSpans,
  isBitTable,
  type ModbusDevice,
  type ModbusTable,
  type ModbusTag,
  type Placement,
  placementOf,
} from '@fieldline/shared/config/modbus';
import { type Block, cheapestBlocks, type Limits } from './blocks.ts';
import { costOf, typicalAnswerMs } from './request-cost.ts';

export { isBitTable };

/** A tag and where it stands on the wire, with its scale factor: both come in one reply, so they are one span. */
export type Point = Placement & { readonly setting: ModbusTag };

/** What a device is asked for at one rate from one table: the blocks cost the least that the limits allow. */
export type Plan = {
  readonly table: ModbusTable;
  readonly everyMs: number;
  readonly limits: Limits;
  readonly blocks: readonly Block<Point>[];
};

/** `answerMs`: what the device takes to answer; the plan of a serial line depends on it. */
export function planDevice(device: ModbusDevice, answerMs: number = typicalAnswerMs): Plan[] {
  const groups = new Map<string, { table: ModbusTable; everyMs: number; points: Point[] }>();
  for (const setting of device.tags) {
    const { table } = setting;
    const everyMs = setting.everyMs ?? device.everyMs;
    const group = groups.get(`${table} ${everyMs}`) ?? { table, everyMs, points: [] };
    groups.set(`${table} ${everyMs}`, group);
    group.points.push({ ...placementOf(device, setting), setting });
  }
  return [...groups.values()].map(({ table, everyMs, points }) => {
    const limits = limitsOf(device, table, answerMs);
    return { table, everyMs, limits, blocks: cheapestBlocks(points, limits) };
  });
}

/** maxGap is stated in registers: as many bytes of reply hold 16 times as many bits. */
function limitsOf(device: ModbusDevice, table: ModbusTable, answerMs: number): Limits {
  const shared = { avoid: avoidedSpans(device, table), cost: costOf(device.link, table, answerMs) };
  return isBitTable(table)
    ? { ...shared, maxCount: device.maxBits, maxGap: device.maxGap * 16 }
    : { ...shared, maxCount: device.maxRegisters, maxGap: device.maxGap };
}
