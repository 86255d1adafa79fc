/**
 * What a device has refused, as it is kept over restarts: by the place on the wire, so that it needs no names, and under the map that
 * it was learned with. Of another map, unit or link nothing is taken over: it may mean another device.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { MadeOnce } from '@fieldline/shared/config/made-once';
import {
  avoidedSpans,
  type ModbusDevice,
  type ModbusTable,
  type ModbusTag,
  modbusTables,
  placementOf,
} from '@fieldline/shared/config/modbus';
import { modbusLinkName } from '@fieldline/shared/config/modbus-link';
import { type Micros, type QualityCode, qualityCode } from '@fieldline/shared/contracts';
import { z } from 'zod';
import type { Span } from './blocks.ts';
import { type LookState, looksToLongest } from './look-again.ts';

/** Of one device. What is beyond it is learned again after a restart. */
export const maxPlacesKept = 1_000;

const placeShape = {
  table: z.enum(modbusTables),
  first: z.int().nonnegative(),
  count: z.int().min(1).max(2_000),
  /** Since when, by the clock of the gateway. */
  since: z.int(),
};

/** A tag that was refused alone, how often it was looked for in vain since, and when it is next. */
const refusedPlaceSchema = z.object({
  ...placeShape,
  quality: z.enum(['bad/address', 'bad/refused']),
  looks: z.int().nonnegative(),
  next: z.int(),
});
export type RefusedPlace = z.infer<typeof refusedPlaceSchema>;

/** A tag that cannot share a request with the one before it, e.g. because a register between them is missing. */
const apartPlaceSchema = z.object(placeShape);
export type ApartPlace = z.infer<typeof apartPlaceSchema>;

export const refusalsSchema = z.object({
  device: z.string(),
  link: z.string(),
  unit: z.int(),
  /** A digest of what was asked for and within which limits. */
  map: z.string(),
  refused: z.array(refusedPlaceSchema).max(maxPlacesKept),
  apart: z.array(apartPlaceSchema).max(maxPlacesKept),
});
export type Refusals = z.infer<typeof refusalsSchema>;
export type Places = Pick<Refusals, 'refused' | 'apart'>;

/** Whose refusals they are, and of which map. */
export type RefusalsKey = Pick<Refusals, 'device' | 'link' | 'unit' | 'map'>;

export const keyOf = (device: ModbusDevice): RefusalsKey => ({
  device: device.device,
  link: modbusLinkName(device.link),
  unit: device.unit,
  map: digestOf(device),
});

const digests = new MadeOnce<readonly ModbusTag[], string>();

/** What is refused depends on the places and the limits, not on names, types or periods. */
function digestOf(device: ModbusDevice): string {
  const { addressBase, avoid, tags, maxRegisters, maxBits, maxGap, maxSubRequests, joinRecords } = device;
  const limits = { maxRegisters, maxBits, maxGap, maxSubRequests, joinRecords };
  return digests.of(tags, { addressBase, avoid, limits }, () => {
    const avoided = modbusTables.map((table) => avoidedSpans(device, table));
    const places = new Set(tags.map((tag) => placeText(placementOf(device, tag))));
    const map = { ...limits, avoided, places: [...places].sort() };
    return createHash('sha256').update(JSON.stringify(map)).digest('hex').slice(0, 32);
  });
}

type Place = Span & { readonly table: ModbusTable };

export const placeText = ({ table, first, count }: Place): string => `${table} ${first} ${count}`;

type Refusal = { readonly quality: QualityCode; readonly since: Micros; readonly told: boolean };

/**
 * What one reader has learned, by place: what was refused alone, and what stands apart. A tag that only stood in a block that was
 * refused is none of it.
 */
export function placesOf(
  table: ModbusTable,
  refused: ReadonlyMap<Span, Refusal>,
  apart: ReadonlyMap<Span, Micros>,
  state: LookState | null,
): Places {
  const placeOf = ({ first, count }: Span, since: Micros) => ({ table, first, count, since });
  const told = state === null ? [] : [...refused].filter(([, known]) => known.told);
  return {
    refused: told.map(([span, { quality, since }]) => ({
      ...placeOf(span, since),
      quality: quality === qualityCode('bad/address') ? 'bad/address' : 'bad/refused',
      looks: state?.looks ?? 0,
      next: state?.next ?? since,
    })),
    apart: [...apart].map(([span, since]) => placeOf(span, since)),
  };
}

/** A place apart costs a request each time, and nothing looks whether it is still needed: so it is learned again now and then. */
const apartForMs = 7 * 24 * 3_600_000;

/** What an earlier run has learned, by place. */
export type Recalled = {
  readonly refused: ReadonlyMap<string, RefusedPlace>;
  readonly apart: ReadonlyMap<string, ApartPlace>;
};

/** Nothing where the key is another. */
export function recallOf(kept: readonly Refusals[], key: RefusalsKey, now: Micros): Recalled {
  const { device, link, unit, map } = key;
  const known = kept.find((one) => one.device === device && one.link === link && one.unit === unit && one.map === map);
  const { refused, apart } = known ?? { refused: [], apart: [] };
  const isNew = ({ since }: ApartPlace): boolean => Math.abs(now - since) <= apartForMs * 1_000;
  return { refused: byPlace(refused), apart: byPlace(apart.filter(isNew)) };
}

export type Bounded = { readonly refusals: Refusals; readonly leftOut: number };

/** Of tags that share a place one is kept, and of more than can be kept the first: how many were left out. */
export function bounded(key: RefusalsKey, places: Places): Bounded {
  const refused = inOrder(places.refused);
  const apart = inOrder(places.apart);
  const leftOut = [refused, apart].reduce((sum, { length }) => sum + Math.max(0, length - maxPlacesKept), 0);
  return {
    refusals: { ...key, refused: refused.slice(0, maxPlacesKept), apart: apart.slice(0, maxPlacesKept) },
    leftOut,
  };
}

const inOrder = <P extends Place>(places: readonly P[]): P[] =>
  [...byPlace(places).values()].sort(
    (one, other) => one.table.localeCompare(other.table) || one.first - other.first || one.count - other.count,
  );

const byPlace = <P extends Place>(places: readonly P[]): ReadonlyMap<string, P> =>
  new Map(places.map((place) => [placeText(place), place]));

/** Whether they differ by more than the time of the next look, or by looks that make no pause longer. */
export const isOtherRefusals = (one: readonly Refusals[], other: readonly Refusals[]): boolean =>
  !isDeepStrictEqual(one.map(withoutTimes), other.map(withoutTimes));

const withoutTimes = (refusals: Refusals): Refusals => ({
  ...refusals,
  refused: refusals.refused.map((place) => ({ ...place, next: 0, looks: Math.min(place.looks, looksToLongest) })),
});
