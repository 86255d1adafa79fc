/** What in the register maps of the devices is probably a slip. */
import { type ModbusDevice, type ModbusTag, placementOf, registerCount } from '@fieldline/shared/config';
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import { modbusLinkName } from '@fieldline/shared/config/modbus-link';
import type { Issue } from './findings.ts';

/** `lineOf`: where a key of the settings stands, e.g. `edge.yaml:12:9`. */
export type LineOf = (path: Issue['path']) => string;

/** One unit of one link that is two devices: mostly a copied block whose unit id was forgotten. */
export function unitClashes(devices: EdgeConfig['devices'], lineOf: LineOf): Issue[] {
  const first = new Map<string, number>();
  return devices.flatMap((device, index): Issue[] => {
    if (device.protocol !== 'modbus') return [];
    const name = `unit ${device.unit} on ${modbusLinkName(device.link)}`;
    const other = first.get(name);
    if (other === undefined) {
      first.set(name, index);
      return [];
    }
    const message = `${name} is ${devices[other]?.device} too (${lineOf(['devices', other, 'unit'])}): is it the right unit?`;
    return [{ path: ['devices', index, 'unit'], message }];
  });
}

type Value = { readonly tag: ModbusTag; readonly index: number; readonly first: number; readonly end: number };

/**
 * Registers that two tags read as different things: mostly a wrong address or type. Bits, bytes and bit fields are parts of a
 * register on purpose, and are left out.
 */
export function overlaps(devices: EdgeConfig['devices'], lineOf: LineOf): Issue[] {
  return devices.flatMap((device, position): Issue[] => {
    if (device.protocol !== 'modbus') return [];
    const pathOf = ({ index, tag }: Value): Issue['path'] => [
      ...['devices', position, 'tags', index],
      tag.table === 'file' ? 'record' : 'address',
    ];
    return clashesOf(valuesOf(device)).map(([one, other]) => {
      const [later, earlier] = one.index > other.index ? [one, other] : [other, one];
      const message = `${later.tag.tag} (${spanText(later)}) has registers of ${earlier.tag.tag} (${spanText(earlier)}, ${lineOf(pathOf(earlier))}): one of the two is wrong`;
      return { path: pathOf(later), message };
    });
  });
}

const spanText = ({ tag, first, end }: Value): string =>
  `${tag.type} in ${end - first === 1 ? '1 register' : `${end - first} registers`} from ${placeText(tag)}`;

const placeText = ({ address, file, record }: ModbusTag): string =>
  address === undefined ? `record ${record} of file ${file}` : `${address}`;

function valuesOf(device: ModbusDevice): Value[] {
  return device.tags.flatMap((tag, index): Value[] => {
    if (tag.table === 'file' && !device.joinRecords) return [];
    if (tag.bit !== undefined || tag.bits !== undefined || tag.type === 'int8' || tag.type === 'uint8') return [];
    const { first, valueAt } = placementOf(device, tag);
    return [{ tag, index, first: first + valueAt, end: first + valueAt + registerCount(tag) }];
  });
}

/** Neighbours in the order of their addresses: a value clashes at most with those that begin before its end. */
function clashesOf(values: readonly Value[]): [Value, Value][] {
  const clashes: [Value, Value][] = [];
  for (const ofTable of Map.groupBy(values, ({ tag }) => tag.table).values()) {
    const sorted = [...ofTable].sort((one, other) => one.first - other.first || one.index - other.index);
    for (const [position, one] of sorted.entries()) {
      for (let next = position + 1; next < sorted.length; next++) {
        const other = sorted[next];
        if (other === undefined || other.first >= one.end) break;
        if (!isSame(one, other)) clashes.push([one, other]);
      }
    }
  }
  return clashes;
}

/** The same value under two names is no mistake: it may be wanted scaled and raw. */
const isSame = (one: Value, other: Value): boolean =>
  one.first === other.first &&
  one.end === other.end &&
  one.tag.type === other.tag.type &&
  one.tag.byteOrder === other.tag.byteOrder;
