/**
 * Exchanges: devices that give their values only to whoever writes a request in the same breath (function 23, Read/Write Multiple
 * Registers; Application Protocol v1.1b3, 6.17). The words are constants of the settings, written at every poll, so a device
 * must allow that in words of its own.
 */
import { z } from 'zod';
import { maxStatedAddress, placeOf, statedAddress, wireAddresses } from './modbus-address.ts';
import { avoidedSpans, mapProblems, placementOf, type RegisterMap, type WireSpan } from './modbus-placement.ts';
import type { StatedTag } from './modbus-tag.ts';
import { nearest } from './nearest.ts';
import { id } from './units.ts';

/** Most registers that one request of function 23 writes. */
export const mostWords = 121;
const mostExchanges = 64;

export const exchangeSchema = z.strictObject({
  exchange: id.describe('its name: a tag that states it is read by this request'),
  address: z
    .int()
    .min(0)
    .max(maxStatedAddress)
    .describe('of the first holding register that is written, in the notation of addressBase'),
  words: z
    .array(z.int().min(0).max(0xffff))
    .min(1)
    .max(mostWords)
    .describe('what is written there at every poll, before the tags are read by the same request'),
});
export type StatedExchange = z.infer<typeof exchangeSchema>;

export const exchangeShape = {
  pollsMayWrite: z
    .boolean()
    .default(false)
    .describe('true: the exchanges of this device write to it at every poll, for as long as the agent runs'),
  exchanges: z
    .array(exchangeSchema)
    .max(mostExchanges)
    .default([])
    .describe(
      'for a device that gives values only to whoever writes a request with the same telegram (function 23): what is written; needs pollsMayWrite',
    ),
};

/** By wire address. */
export type Exchange = { readonly name: string; readonly first: number; readonly words: readonly number[] };

type ExchangeMap = RegisterMap & {
  readonly everyMs: number;
  readonly pollsMayWrite: boolean;
  readonly exchanges: readonly StatedExchange[];
};

/** Of settings without problems. */
export function exchangeOf(device: ExchangeMap, name: string): Exchange {
  const stated = device.exchanges.find(({ exchange }) => exchange === name);
  const place = stated === undefined ? null : placeOf(stated.address, device.addressBase, 'holding');
  if (stated === undefined || place === null || !('table' in place)) throw new Error(`unchecked settings: ${name}`);
  return { name, first: place.first, words: stated.words };
}

type PathProblem = [path: (string | number)[], message: string];

/** Every contradiction between exchanges, tags and device, with the key to change. */
export function exchangeProblems(device: ExchangeMap): PathProblem[] {
  const { exchanges, pollsMayWrite } = device;
  if (exchanges.length === 0 && device.tags.every((tag) => tag.exchange === undefined)) return [];
  const allowed: PathProblem[] =
    exchanges.length > 0 && !pollsMayWrite
      ? [[['pollsMayWrite'], 'exchanges write to the device at every poll: where it is meant to take that, state true']]
      : [];
  const stated = exchanges.flatMap((exchange, position) =>
    statedProblems(device, exchange, position).map(
      ([path, message]): PathProblem => [['exchanges', position, ...path], message],
    ),
  );
  const ofTags = device.tags.flatMap((tag, position) =>
    tagProblems(device, tag).map(([key, message]): PathProblem => [['tags', position, key], message]),
  );
  const problems = [...allowed, ...stated, ...ofTags];
  // What a request holds can be said once its parts are right.
  return problems.length > 0 || mapProblems(device).length > 0 ? problems : requestProblems(device);
}

function statedProblems(
  { exchanges, addressBase, tags }: ExchangeMap,
  { exchange, address, words }: StatedExchange,
  position: number,
): [path: string[], message: string][] {
  if (exchanges.findIndex((other) => other.exchange === exchange) < position) {
    return [[['exchange'], 'another exchange of this device has this name']];
  }
  const place = placeOf(address, addressBase, 'holding');
  if (!('table' in place)) return [[['address'], place[1]]];
  if (place.first + words.length > wireAddresses) {
    const last = statedAddress({ table: 'holding', first: wireAddresses - 1 }, addressBase);
    return [[['words'], `go beyond the last register, ${last}`]];
  }
  const isUsed = tags.some((tag) => tag.exchange === exchange);
  return isUsed ? [] : [[['exchange'], 'no tag states it, so it would never be written; take it out, or state it']];
}

function tagProblems(device: ExchangeMap, tag: StatedTag): [key: string, message: string][] {
  const { exchange, table = 'holding', file, write } = tag;
  if (exchange === undefined) return [];
  const names = device.exchanges.map((one) => one.exchange);
  if (!names.includes(exchange)) {
    const guess = nearest(exchange, names);
    const hint = guess === null ? 'list it under exchanges' : `did you mean ${guess}?`;
    return [['exchange', `no exchange of this device has this name: ${hint}`]];
  }
  if (table !== 'holding' || file !== undefined) return [['exchange', 'goes with holding registers only']];
  if (write !== undefined) return [['write', 'does not go with exchange: its reading would write other registers']];
  const first = device.tags.find((one) => one.exchange === exchange);
  const everyMs = (one: StatedTag): number => one.everyMs ?? device.everyMs;
  return first === undefined || everyMs(first) === everyMs(tag)
    ? []
    : [['everyMs', `${first.tag} of the same exchange has ${everyMs(first)}: one request reads both`]];
}

function requestProblems(device: ExchangeMap): PathProblem[] {
  return device.exchanges.flatMap(({ exchange }, position): PathProblem[] => {
    const own = device.tags.filter((tag) => tag.exchange === exchange).map((tag) => placementOf(device, tag));
    const wrong = own.some(({ table }) => table !== 'holding');
    if (wrong) return [[['exchanges', position, 'exchange'], 'one of its tags is no holding register']];
    const span = spanOf(own);
    const written = exchangeOf(device, exchange);
    const problem = spanProblem(device, span);
    return [
      ...(problem === null ? [] : [[['exchanges', position, 'exchange'], problem] as PathProblem]),
      ...rivalsOf(device, { first: written.first, count: written.words.length }, exchange),
    ];
  });
}

function spanProblem(device: ExchangeMap, span: WireSpan): string | null {
  if (span.count > device.maxRegisters) {
    return `its tags need ${span.count} registers in one request, and maxRegisters is ${device.maxRegisters}`;
  }
  const isAvoided = avoidedSpans(device, 'holding').some((avoided) => meet(avoided, span));
  return isAvoided ? 'its tags cannot be read in one request without registers that avoid forbids' : null;
}

/** Tags that commands write where the exchange would write its own words over them. */
const rivalsOf = (device: ExchangeMap, written: WireSpan, exchange: string): PathProblem[] =>
  device.tags.flatMap((tag, position): PathProblem[] => {
    if (tag.write === undefined) return [];
    const place = placementOf(device, tag);
    return place.table === 'holding' && meet(place, written)
      ? [[['tags', position, 'write'], `exchange ${exchange} writes this register at every poll`]]
      : [];
  });

function spanOf(spans: readonly WireSpan[]): WireSpan {
  const first = Math.min(...spans.map((span) => span.first));
  return { first, count: Math.max(...spans.map((span) => span.first + span.count)) - first };
}

const meet = (one: WireSpan, other: WireSpan): boolean =>
  one.first < other.first + other.count && other.first < one.first + one.count;
