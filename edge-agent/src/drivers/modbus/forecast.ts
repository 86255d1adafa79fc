/** What a link will be asked and how busy that keeps it, from the settings alone: nothing is sent. Pure. */
import { type ModbusDevice, type ModbusTable, registerCount, statedAddress } from '@fieldline/shared/config/modbus';
import { isSerialLink, type ModbusLink, modbusLinkName } from '@fieldline/shared/config/modbus-link';
import type { Block } from './blocks.ts';
import { type Point, planDevice, requestText } from './plan.ts';
import { asRegisters, readRequestOf } from './request.ts';
import { lineTimeMs, typicalAnswerMs } from './request-cost.ts';

/** What a unit takes to answer, and who says so: the agent that measured it, the caller, or nobody. */
export type Answer = { readonly ms: number; readonly from: 'measured' | 'stated' | 'assumed' };

const assumed: Answer = { ms: typicalAnswerMs, from: 'assumed' };

export type RequestForecast = {
  readonly device: string;
  readonly unit: number;
  readonly table: ModbusTable;
  /** What it asks for, in the notation of the device, e.g. `holding 40001–40010`. */
  readonly asks: string;
  /** First and last address, or record. */
  readonly from: number;
  readonly to: number;
  /** Registers, or bits in the tables of bits: those that a tag wants, and all that are read. */
  readonly wanted: number;
  readonly read: number;
  readonly tags: number;
  readonly everyMs: number;
  /** How long it takes the line; null on a network. */
  readonly lineMs: number | null;
  /** What of that the unit takes to answer; null on a network. */
  readonly answer: Answer | null;
};

export type LinkForecast = {
  readonly link: string;
  readonly kind: ModbusLink['kind'];
  readonly baudRate: number | null;
  readonly requests: readonly RequestForecast[];
  readonly requestsPerSecond: number;
  /** Share of the time that a serial line is taken, 1 for all of it; null on a network. */
  readonly load: number | null;
};

/** `answerOf`: what a device takes to answer, which only it knows. */
export function forecastLinks(
  devices: readonly ModbusDevice[],
  answerOf: (device: ModbusDevice) => Answer = () => assumed,
): LinkForecast[] {
  const groups = Map.groupBy(devices, ({ link }) => modbusLinkName(link));
  return [...groups].flatMap(([name, group]) => {
    const link = group[0]?.link;
    if (link === undefined) return [];
    const requests = group.flatMap((device) => requestsOf(device, answerOf(device)));
    return {
      link: name,
      kind: link.kind,
      baudRate: isSerialLink(link) ? link.baudRate : null,
      requests,
      requestsPerSecond: requests.reduce((sum, { everyMs }) => sum + 1_000 / everyMs, 0),
      load: isSerialLink(link) ? loadOf(requests) : null,
    };
  });
}

/** Share of the time that these requests take their line. */
export const loadOf = (requests: readonly RequestForecast[]): number =>
  requests.reduce((sum, { lineMs, everyMs }) => sum + (lineMs ?? 0) / everyMs, 0);

function requestsOf(device: ModbusDevice, answer: Answer): RequestForecast[] {
  const { link, addressBase, unit, timeoutMs } = device;
  return planDevice(device, answer.ms).flatMap(({ table, everyMs, exchange, joinRecords, blocks }) =>
    blocks.map((block) => ({
      device: device.device,
      unit,
      table,
      asks: requestText({ table, exchange, joinRecords }, block, addressBase),
      from: statedAddress({ table, first: block.first }, addressBase),
      to: statedAddress({ table, first: lastOf(block) }, addressBase),
      wanted: wantedOf(block),
      read: block.count,
      tags: block.points.length,
      everyMs,
      lineMs: isSerialLink(link)
        ? lineTimeMs(
            link,
            'holding',
            answer.ms,
          )(asRegisters(readRequestOf({ unit, table, timeoutMs, exchange }, block)))
        : null,
      answer: isSerialLink(link) ? answer : null,
    })),
  );
}

const lastOf = ({ stretches }: Block<Point>): number => {
  const last = stretches.at(-1);
  return last === undefined ? 0 : last.first + last.count - 1;
};

/** What two tags share is wanted once; between a value and its scale factor nothing is. */
function wantedOf({ points }: Block<Point>): number {
  const wanted = new Set<number>();
  for (const { first, valueAt, factorAt, setting } of points) {
    for (let index = 0; index < registerCount(setting); index++) wanted.add(first + valueAt + index);
    if (factorAt !== null) wanted.add(first + factorAt);
  }
  return wanted.size;
}
