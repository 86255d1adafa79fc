/** Reads tags of a device once: the requests of the plan, and each tag alone where a request is refused. */
import type { ModbusDevice } from '@fieldline/shared/config';
import { isBitTable } from '@fieldline/shared/config/modbus';
import { type Micros, qualityName, type Tag } from '@fieldline/shared/contracts';
import { type Block, indexIn, type Limits } from '../../drivers/modbus/blocks.ts';
import type { HandLink } from '../../drivers/modbus/by-hand.ts';
import { createDecode, valueTypeOf } from '../../drivers/modbus/decode.ts';
import { type Plan, type Point, planDevice, requestText } from '../../drivers/modbus/plan.ts';
import { isDeviceFailure, refusesAddresses } from '../../drivers/modbus/reply-quality.ts';
import type { NoData } from '../../drivers/modbus/reply-text.ts';
import { readRequestOf } from '../../drivers/modbus/request.ts';
import { requestOf, requestsOf } from '../../drivers/modbus/requests.ts';

export type ReadTag = {
  readonly tag: string;
  /** As it stands in the registers, its scale factor included. */
  readonly raw: string;
  readonly value: string;
  readonly unit: string;
  readonly quality: string;
};

/** One request: what came of it, or why nothing did. */
export type ReadBlock = {
  readonly request: string;
  readonly roundTripMs: number;
  readonly tags: readonly ReadTag[];
  /** `writes`: not asked, because that would write to the device. */
  readonly failed: NoData | 'writes' | null;
};

export type Wanted = {
  /** The names of the tags; null: all. */
  readonly tags: ReadonlySet<string> | null;
  /** Also those with whose request something is written. */
  readonly exchanges: boolean;
};

export async function* readTags(
  device: ModbusDevice,
  wanted: Wanted,
  link: HandLink,
  now: () => Micros,
): AsyncGenerator<ReadBlock> {
  for (const plan of planDevice(device)) {
    const { limits, blocks, exchange } = plan;
    const points = blocks
      .flatMap((block) => block.points)
      .filter(({ setting }) => wanted.tags?.has(setting.tag) ?? true);
    for (const block of exchange === undefined ? requestsOf(points, limits) : allInOne(points, limits)) {
      if (exchange !== undefined && !wanted.exchanges) {
        yield { request: requestLine(device, plan, block), roundTripMs: 0, tags: [], failed: 'writes' };
        continue;
      }
      const read = await readBlock(device, plan, block, link, now);
      yield read;
      if (exchange !== undefined || read.failed === null || read.failed === 'writes') continue;
      if (read.failed.kind !== 'exception' || block.points.length < 2 || !mayBePartly(read.failed.code)) continue;
      for (const point of block.points) yield await readBlock(device, plan, requestOf([point], limits), link, now);
    }
  }
}

/** Each request of an exchange would write once more. */
const allInOne = (points: readonly Point[], limits: Limits): Block<Point>[] =>
  points.length === 0 ? [] : [requestOf(points, limits)];

/** A part of the block may be there all the same. */
const mayBePartly = (code: number): boolean => refusesAddresses(code) || isDeviceFailure(code);

async function readBlock(
  device: ModbusDevice,
  plan: Plan,
  block: Block<Point>,
  link: HandLink,
  now: () => Micros,
): Promise<ReadBlock> {
  const { unit, timeoutMs, answersAs = null } = device;
  const { reply, roundTripMs } = await link.read(readRequestOf({ ...plan, unit, timeoutMs }, block), answersAs);
  const request = requestLine(device, plan, block);
  if (reply.kind !== 'data') return { request, roundTripMs, tags: [], failed: reply };
  const tags = block.points.map((point) => decode(device, point, reply.data, indexIn(block, point), now()));
  return { request, roundTripMs, tags, failed: null };
}

function decode(device: ModbusDevice, point: Point, data: Buffer, index: number, time: Micros): ReadTag {
  const { setting } = point;
  const tag: Tag = { device: device.device, tag: setting.tag, type: valueTypeOf(setting) };
  const { value, quality } = createDecode(setting, tag, device.byteOrder, point)(data, index, time);
  return {
    tag: setting.tag,
    raw: rawText(point, data, index),
    value: valueText(value, setting.type === 'time'),
    unit: setting.unit ?? '',
    quality: qualityName(quality),
  };
}

function requestLine({ device, unit, addressBase }: ModbusDevice, plan: Plan, block: Block<Point>): string {
  const { count } = block;
  return `${device}, unit ${unit}, ${requestText(plan, block, addressBase)} (${count} ${isBitTable(plan.table) ? 'bit' : 'register'}${count === 1 ? '' : 's'})`;
}

/** Registers in hexadecimal, as a protocol analyser shows them; a bit as a bit. */
function rawText({ table, count }: Point, data: Buffer, index: number): string {
  if (isBitTable(table)) return String((data.readUInt8(index >> 3) >> (index & 7)) & 1);
  return wordsText(data.subarray(index * 2, (index + count) * 2));
}

export const wordsText = (bytes: Buffer): string =>
  bytes
    .toString('hex')
    .toUpperCase()
    .replace(/.{4}(?=.)/g, '$& ');

/** A time of the device also as a date: microseconds say nothing to a person. */
export function valueText(value: unknown, isTime: boolean): string {
  if (value === null) return '–';
  if (typeof value === 'string') return JSON.stringify(value);
  if (isTime && typeof value === 'bigint') return `${value} (${new Date(Number(value / 1_000n)).toISOString()})`;
  return String(value);
}
