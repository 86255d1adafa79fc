import {
  avoidedSpans,
  isBitTable,
  type ModbusDevice,
  type ModbusTable,
  type ModbusTag,
  mostOf,
  type Placement,
  placementOf,
} from '@fieldline/shared/config/modbus';
import type { Block, Limits } from './blocks.ts';
import { costOf } from './request-cost.ts';
import { requestsOf } from './requests.ts';

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

export function planDevice(device: ModbusDevice): Plan[] {
  const groups = new Map<string, { table: ModbusTable; everyMs: number; points: Point[] }>();
  for (const setting of device.tags) {
    const { table } = setting;
    const everyMs = setting.everyMs ?? device.everyMs;
    const group = groups.get(`${table} ${everyMs}`) ?? { table, everyMs, points: [] };
    groups.set(`${table} ${everyMs}`, group);
    group.points.push({ ...placementOf(device, setting), setting });
  }
  return [...groups.values()].map(({ table, everyMs, points }) => {
    const limits = limitsOf(device, table);
    return { table, everyMs, limits, blocks: requestsOf(points, limits) };
  });
}

/** To ask for another stretch of records costs the bytes of so many: what is nearer is read along. */
const maxGapInFile = 4;

/** maxGap is stated in registers: as many bytes of reply hold 16 times as many bits. */
function limitsOf(device: ModbusDevice, table: ModbusTable): Limits {
  const { maxGap, maxSubRequests } = device;
  const shared = {
    avoid: avoidedSpans(device, table),
    cost: costOf(device.link, table),
    maxCount: mostOf(device, table),
  };
  if (table === 'file') return { ...shared, maxGap: Math.min(maxGap, maxGapInFile), maxSubRequests };
  return { ...shared, maxGap: isBitTable(table) ? maxGap * 16 : maxGap };
}
