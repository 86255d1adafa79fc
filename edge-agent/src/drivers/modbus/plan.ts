import {
  isBitTable,
  type ModbusDevice,
  type ModbusTable,
  type ModbusTag,
  type Placement,
  placementOf,
} from '@fieldline/shared/config/modbus';

export { isBitTable };

/** Neighbouring registers (or bits, in the tables of bits), by wire address. */
export type Span = { readonly first: number; readonly count: number };

export type Limits = {
  /** Most registers (or bits) of one request. */
  readonly maxCount: number;
  /** Most registers (or bits) in a row that are read along though no tag wants them. */
  readonly maxGap: number;
};

/** A tag and where it stands on the wire. */
export type Point = Placement & { readonly setting: ModbusTag };

/** One request: every point lies in it whole. */
export type Block<P extends Span = Point> = Span & { readonly points: readonly P[] };

/** What a device is asked for at one rate from one table: the blocks are the fewest that the limits allow. */
export type Plan = {
  readonly table: ModbusTable;
  readonly everyMs: number;
  readonly limits: Limits;
  readonly blocks: readonly Block[];
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
    return { table, everyMs, limits, blocks: fewestBlocks(points, limits) };
  });
}

/** maxGap is stated in registers: as many bytes of reply hold 16 times as many bits. */
const limitsOf = (device: ModbusDevice, table: ModbusTable): Limits =>
  isBitTable(table)
    ? { maxCount: device.maxBits, maxGap: device.maxGap * 16 }
    : { maxCount: device.maxRegisters, maxGap: device.maxGap };

/**
 * The fewest blocks that hold every span whole, in the order of their addresses. Spans may overlap.
 *
 * Where more than maxGap unwanted registers stand in a row, or `startsNew` says so, the line is cut once and for all. Between
 * two cuts only the length counts, and there it is best to begin at the first span not yet held and to take all that end
 * within reach: no other block that holds this span holds more of the rest.
 */
export function fewestBlocks<P extends Span>(
  spans: readonly P[],
  { maxCount, maxGap }: Limits,
  startsNew: (span: P) => boolean = () => false,
): Block<P>[] {
  const blocks: Block<P>[] = [];
  let stretch: P[] = [];
  let end = 0;
  for (const span of [...spans].sort(byAddress)) {
    if (stretch.length > 0 && (span.first - end > maxGap || startsNew(span))) {
      blocks.push(...packStretch(stretch, maxCount));
      stretch = [];
      end = 0;
    }
    stretch.push(span);
    end = Math.max(end, span.first + span.count);
  }
  blocks.push(...packStretch(stretch, maxCount));
  return blocks;
}

export const byAddress = (one: Span, other: Span): number => one.first - other.first || one.count - other.count;

function packStretch<P extends Span>(stretch: readonly P[], maxCount: number): Block<P>[] {
  const blocks: Block<P>[] = [];
  let rest = stretch;
  for (let head = rest[0]; head !== undefined; head = rest[0]) {
    const reach = head.first + maxCount;
    const inReach = (span: P): boolean => span === head || span.first + span.count <= reach;
    blocks.push(blockOf(rest.filter(inReach)));
    rest = rest.filter((span) => !inReach(span));
  }
  return blocks;
}

/** The block that holds these points and no more. */
export function blockOf<P extends Span>(points: readonly P[]): Block<P> {
  let first = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const point of points) {
    first = Math.min(first, point.first);
    end = Math.max(end, point.first + point.count);
  }
  return { first, count: end - first, points };
}
