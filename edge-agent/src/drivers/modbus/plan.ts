import { MadeOnce } from '@fieldline/shared/config/made-once';
import {
  type AddressBase,
  avoidedSpans,
  type Exchange,
  exchangeOf,
  isBitTable,
  type ModbusDevice,
  type ModbusTable,
  type ModbusTag,
  mostOf,
  type Placement,
  placementOf,
  stretchesText,
} from '@fieldline/shared/config/modbus';
import { isSerialLink } from '@fieldline/shared/config/modbus-link';
import { type Block, blockOf, type Limits, type Span } from './blocks.ts';
import { costOf, typicalAnswerMs } from './request-cost.ts';
import { requestsOf } from './requests.ts';

export { isBitTable };

/** A tag and where it stands on the wire, with its scale factor: both come in one reply, so they are one span. */
export type Point = Placement & { readonly setting: ModbusTag };

/** What a device is asked for at one rate from one table: the blocks cost the least that the limits allow. */
export type Plan = {
  readonly table: ModbusTable;
  readonly everyMs: number;
  /** Of files: a record is one register. */
  readonly joinRecords: boolean;
  /** Written by the one request that there is then. */
  readonly exchange: Exchange | undefined;
  readonly limits: Limits;
  readonly blocks: readonly Block<Point>[];
};

const plansOnNetworks = new MadeOnce<readonly ModbusTag[], readonly Plan[]>();

/** `answerMs`: what the device takes to answer; the plan of a serial line depends on it. On a network equal devices have the same plans. */
export function planDevice(device: ModbusDevice, answerMs: number = typicalAnswerMs): readonly Plan[] {
  const { device: _name, link, unit: _unit, tags, ...settings } = device;
  if (isSerialLink(link)) return newPlans(device, answerMs);
  return plansOnNetworks.of(tags, settings, () => newPlans(device, answerMs));
}

function newPlans(device: ModbusDevice, answerMs: number): Plan[] {
  const groups = new Map<string, { table: ModbusTable; everyMs: number; name: string | undefined; points: Point[] }>();
  for (const setting of device.tags) {
    const { table, exchange: name } = setting;
    const everyMs = setting.everyMs ?? device.everyMs;
    const key = `${table} ${everyMs} ${name ?? ''}`;
    const group = groups.get(key) ?? { table, everyMs, name, points: [] };
    groups.set(key, group);
    group.points.push({ ...placementOf(device, setting), setting });
  }
  return [...groups.values()].map(({ table, everyMs, name, points }) => {
    const limits = limitsOf(device, table, answerMs);
    const exchange = name === undefined ? undefined : exchangeOf(device, name);
    return {
      table,
      everyMs,
      limits,
      joinRecords: device.joinRecords,
      exchange,
      blocks: exchange === undefined ? requestsOf(points, limits) : [blockOf(points)],
    };
  });
}

/** What a request does, in the notation of the device: `holding 40001–40009, writing holding 40100`. */
export function requestText(
  { table, exchange, joinRecords }: Pick<Plan, 'table' | 'exchange' | 'joinRecords'>,
  { stretches }: Block<Span>,
  addressBase: AddressBase,
): string {
  // Where a record is more than a register, its registers are no records.
  const shown = joinRecords ? stretches : stretches.map(({ first }) => ({ first, count: 1 }));
  const read = stretchesText(table, shown, addressBase);
  if (exchange === undefined) return read;
  const { first, words } = exchange;
  return `${read}, writing ${stretchesText('holding', [{ first, count: words.length }], addressBase)}`;
}

/** To ask for another stretch of records costs the bytes of so many: what is nearer is read along. */
const maxGapInFile = 4;
/** Every gap is too long, even one of less than nothing. */
const joinsNothing = Number.NEGATIVE_INFINITY;

/** maxGap is stated in registers: as many bytes of reply hold 16 times as many bits. */
function limitsOf(device: ModbusDevice, table: ModbusTable, answerMs: number): Limits {
  const { maxGap, maxSubRequests, joinRecords } = device;
  const shared = {
    avoid: avoidedSpans(device, table),
    cost: costOf(device.link, table, answerMs),
    maxCount: mostOf(device, table),
  };
  if (table === 'file') {
    const most = joinRecords ? Math.min(maxGap, maxGapInFile) : joinsNothing;
    return { ...shared, maxGap: most, maxSubRequests };
  }
  return { ...shared, maxGap: isBitTable(table) ? maxGap * 16 : maxGap };
}
