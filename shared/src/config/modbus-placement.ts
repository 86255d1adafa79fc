/** Where the tags of a device stand on the wire, and what of that contradicts the rest of its settings. */
import { MadeOnce } from './made-once.ts';
import {
  type AddressBase,
  maxStatedAddress,
  type Place,
  placeOf,
  statedAddress,
  wireAddresses,
} from './modbus-address.ts';
import { mostRecords, recordAt, recordPosition, recordsPerFile } from './modbus-file.ts';
import {
  type AddressedTable,
  addressedTables,
  isBitTable,
  type ModbusTable,
  type Problem,
  registerProblems,
} from './modbus-registers.ts';
import { type ModbusTag, notAvailableProblems, type StatedTag } from './modbus-tag.ts';
import { registerCount } from './modbus-types.ts';
import { writeProblems } from './modbus-write.ts';

/** Neighbouring registers, or bits in the tables of bits, by wire address. */
export type WireSpan = { readonly first: number; readonly count: number };

/** All that must come in one reply to make a value of it. */
export type Placement = WireSpan & {
  readonly table: ModbusTable;
  /** Where in the span the value begins, in registers. */
  readonly valueAt: number;
  /** Where in it its scale factor stands. */
  readonly factorAt: number | null;
};

/** The part of a device that says what there is to read, and how much of it at once. */
export type RegisterMap = {
  readonly addressBase: AddressBase;
  readonly maxRegisters: number;
  readonly maxBits: number;
  /** Absent: they do follow each other. */
  readonly joinRecords?: boolean;
  readonly avoid?:
    | Readonly<Partial<Record<AddressedTable, readonly (readonly [number, number])[] | undefined>>>
    | undefined;
  readonly tags: readonly StatedTag[];
};

const tagsOfMaps = new MadeOnce<readonly StatedTag[], readonly ModbusTag[]>();
const problemsOfMaps = new MadeOnce<readonly StatedTag[], readonly PathProblem[]>();

/** The tags with their tables; of equal maps the same list. */
export const placedTags = (map: RegisterMap): readonly ModbusTag[] =>
  tagsOfMaps.of(map.tags, map.addressBase, () => map.tags.map((tag) => tagOf(map, tag)));

/** A tag with its table, which the address may say. */
function tagOf(map: RegisterMap, tag: StatedTag): ModbusTag {
  const place = placeOfTag(map, tag);
  return { ...tag, table: isProblem(place) ? (tag.table ?? 'holding') : place.table };
}

/** A tag that states no place is told by the schema. */
function placeOfTag({ addressBase }: RegisterMap, { table, address, file, record }: StatedTag): Place | Problem {
  if (file !== undefined && record !== undefined) return { table: 'file', first: recordPosition(file, record) };
  return address === undefined ? ['address', 'is missing'] : placeOf(address, addressBase, table);
}

/** Of a tag without problems. */
export function placementOf(map: RegisterMap, tag: StatedTag): Placement {
  const place = settled(placeOfTag(map, tag));
  const count = registerCount(tag);
  const factor = tag.scaleFactor === undefined ? null : settled(factorPlace(map, tag, place)).first;
  const first = Math.min(place.first, factor ?? place.first);
  const end = Math.max(place.first + count, (factor ?? -1) + 1);
  const factorAt = factor === null ? null : factor - first;
  return { table: place.table, first, count: end - first, valueAt: place.first - first, factorAt };
}

/** What must not be read, by wire address; of files nothing is named. */
export const avoidedSpans = ({ addressBase, avoid }: RegisterMap, table: ModbusTable): WireSpan[] =>
  (table === 'file' ? [] : (avoid?.[table] ?? [])).map(([first, last]) => {
    const from = settled(placeOf(first, addressBase, table)).first;
    return { first: from, count: settled(placeOf(last, addressBase, table)).first - from + 1 };
  });

type PathProblem = [path: (string | number)[], message: string];

/** Every contradiction between the tags and the device, with the key to change. */
export function mapProblems(map: RegisterMap): readonly PathProblem[] {
  const { tags, addressBase, maxRegisters, maxBits, joinRecords, avoid } = map;
  const limits = { addressBase, maxRegisters, maxBits, joinRecords, avoid };
  return problemsOfMaps.of(tags, limits, () => findProblems(map));
}

function findProblems(map: RegisterMap): PathProblem[] {
  const avoided = avoidProblems(map);
  const rest = avoided.length > 0 ? { ...map, avoid: undefined } : map;
  const ofTags = map.tags.flatMap((tag, position) =>
    tagProblems(rest, tag).map(([path, message]): PathProblem => [['tags', position, ...path], message]),
  );
  return [...avoided, ...ofTags];
}

function avoidProblems({ addressBase, avoid = {} }: RegisterMap): PathProblem[] {
  return addressedTables.flatMap((table) =>
    (avoid[table] ?? []).flatMap((range, position): PathProblem[] => {
      const path = ['avoid', table, position];
      const wrong = range.map((address) => placeOf(address, addressBase, table)).find(isProblem);
      if (wrong !== undefined) return [[path, wrong[1]]];
      return range[0] > range[1] ? [[path, `the first comes first: [${range[1]}, ${range[0]}]`]] : [];
    }),
  );
}

function tagProblems(map: RegisterMap, stated: StatedTag): PathProblem[] {
  const place = placeOfTag(map, stated);
  const tag = tagOf(map, stated);
  const problems: Problem[] = registerProblems(tag, tag.table);
  // An address that no notation has was told by the schema, as was none.
  const { address = -1 } = stated;
  const isAddress = address >= 0 && address <= maxStatedAddress;
  if (isProblem(place)) problems.push(...(isAddress ? [place] : []));
  else if (problems.length === 0) problems.push(...spanProblems(map, stated, place));
  return [
    ...problems.map(([key, message]): PathProblem => [[key], message]),
    ...notAvailableProblems(tag),
    ...(problems.length === 0 ? writeProblems(tag, tag.table, tag.write) : []),
  ];
}

function spanProblems(map: RegisterMap, tag: StatedTag, place: Place): Problem[] {
  const count = registerCount(tag);
  const beyond = endProblem(map, tag, place);
  if (beyond !== null) return [beyond];
  const factor = tag.scaleFactor === undefined ? null : factorPlace(map, tag, place);
  if (factor !== null && isProblem(factor)) return [factor];
  const placement = placementOf(map, tag);
  const most = mostOf(map, place.table);
  if (placement.count > most && factor !== null) {
    return [
      [
        'scaleFactor',
        `stands too far away: both need a request of ${placement.count} registers, and one may have ${most} (maxRegisters)`,
      ],
    ];
  }
  if (count > most) {
    const key = tag.registers === undefined ? 'type' : 'registers';
    const why =
      place.table === 'file' && map.maxRegisters > most ? 'an answer holds fewer records' : 'maxRegisters allows fewer';
    return [[key, `needs ${count} registers; ${why}`]];
  }
  const meets = (span: WireSpan): boolean =>
    span.first < placement.first + placement.count && placement.first < span.first + span.count;
  if (!avoidedSpans(map, place.table).some(meets)) return [];
  const key = factor === null ? 'address' : 'scaleFactor';
  return [[key, 'cannot be read without registers that avoid forbids; take the tag out, or correct avoid']];
}

function endProblem({ addressBase, joinRecords = true }: RegisterMap, tag: StatedTag, place: Place): Problem | null {
  const count = registerCount(tag);
  const isFile = place.table === 'file';
  const begin = isFile ? recordAt(place.first).record : place.first;
  const there = isFile ? recordsPerFile : wireAddresses;
  if (begin + count <= there || (isFile && !joinRecords)) return null;
  const last = isFile ? there - 1 : statedAddress({ ...place, first: there - 1 }, addressBase);
  const [key, holds, what] = isFile ? ['record', 'a file', 'records'] : ['address', 'a device', 'registers'];
  return [
    key,
    `${tag.type} takes ${count} ${what} from here, and the last that ${holds} can have is ${last}: begin at ${last - count + 1} or lower, or correct type`,
  ];
}

/** Most that one request may ask for. */
export function mostOf({ maxBits, maxRegisters }: RegisterMap, table: ModbusTable): number {
  if (isBitTable(table)) return maxBits;
  return table === 'file' ? Math.min(maxRegisters, mostRecords) : maxRegisters;
}

/** The register behind `scaleFactor`, in the table of the tag. */
function factorPlace(map: RegisterMap, tag: StatedTag, { table, first }: Place): Place | Problem {
  const { scaleFactor } = tag;
  const named = typeof scaleFactor === 'string' ? map.tags.find((other) => other.tag === scaleFactor) : undefined;
  if (typeof scaleFactor === 'string' && named === undefined) {
    return ['scaleFactor', 'no tag of this device has this name; name one, or give the address of the register'];
  }
  if (named !== undefined && (named.type !== 'int16' || named.bits !== undefined)) {
    return ['scaleFactor', `${named.tag} is no whole int16, as a scale factor is`];
  }
  if (table === 'file' && map.joinRecords === false) {
    return ['scaleFactor', 'goes with joinRecords: true only: else two records do not come in one stretch'];
  }
  if (table === 'file' && named === undefined) {
    return ['scaleFactor', 'in a file it is the name of a tag of the same file: an address stands in no file'];
  }
  const place =
    named === undefined
      ? placeOf(Number(scaleFactor), map.addressBase, saysTable(map) ? undefined : table)
      : placeOfTag(map, named);
  if (isProblem(place)) return ['scaleFactor', place[1]];
  if (place.table === 'file' && recordAt(place.first).file !== recordAt(first).file) {
    return ['scaleFactor', 'stands in another file; both must come in one stretch of records'];
  }
  return place.table === table
    ? place
    : ['scaleFactor', `is a register of ${place.table}; one request reads one table`];
}

const saysTable = ({ addressBase }: RegisterMap): boolean => typeof addressBase === 'string';

const isProblem = (place: Place | Problem): place is Problem => Array.isArray(place);

/** The settings are checked before anything is made of them. */
function settled(place: Place | Problem): Place {
  if (isProblem(place)) throw new Error(`unchecked settings: ${place.join(' ')}`);
  return place;
}
