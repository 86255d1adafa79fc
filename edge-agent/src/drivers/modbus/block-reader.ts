import { type Exchange, type ModbusTable, recordAt } from '@fieldline/shared/config';
import {
  type Micros,
  type QualityCode,
  type QualityName,
  qualityCode,
  type Sample,
  type Tag,
} from '@fieldline/shared/contracts';
import type { Clock, Log } from '@fieldline/shared/runtime';
import { type Beat, createBeat } from './beat.ts';
import { type Block, byAddress, indexIn, type Limits, type Span } from './blocks.ts';
import { bad, type Decode } from './decode.ts';
import type { Link, LinkReply } from './link.ts';
import { LookAgain, type LookState } from './look-again.ts';
import { type Places, placesOf, placeText, type Recalled } from './refusals.ts';
import { readRequestOf } from './request.ts';
import { requestOf, requestsOf } from './requests.ts';

/** A tag as it is read. */
export type Item = Span & { readonly tag: Tag; readonly decode: Decode };

/** Whom to ask, and how. */
export type Source = {
  readonly link: Link;
  readonly unit: number;
  readonly table: ModbusTable;
  readonly timeoutMs: number;
  readonly everyMs: number;
  readonly timeToleranceMs: number;
  readonly limits: Limits;
  /** Written by each request, which is then never divided: its words would go out again and again. */
  readonly exchange?: Exchange | undefined;
};

/** Requests that one turn may add to find out what the device refuses: the bus belongs to others too. */
const maxExtraRequests = 16;
const none: readonly never[] = [];

/** `confirmed`: it was refused alone. Else it only stood in a block that was, and is looked at again in the next turn. */
type Refused = {
  readonly quality: QualityCode;
  readonly confirmed: boolean;
  readonly told: boolean;
  readonly since: Micros;
};

type Turn = {
  readonly signal: AbortSignal;
  readonly samples: Sample[];
  extraRequests: number;
  /** Set once there is no sense in asking further: the quality of all that was not read; `aborted`: nothing more is wanted. */
  stopped: QualityCode | 'aborted' | null;
};

/**
 * Reads one block of the plan. A device refuses a block whole where it lacks a single register of it; so a refused block is
 * halved until what is refused stands alone. From then on the others are read in the cheapest requests that leave it out, and
 * it is tried again at growing intervals. What was learned can be kept for the next run.
 */
export class BlockReader {
  private readonly source: Source;
  private readonly items: readonly Item[];
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly refused = new Map<Item, Refused>();
  /** Items that cannot share a request with the one before them, e.g. because a register between them is missing: since when. */
  private readonly cuts = new Map<Item, Micros>();
  private readonly lookAgain: LookAgain;
  private readonly beats = new WeakMap<Block<Item>, Beat>();
  private blocks: readonly Block<Item>[];
  private lastTime = 0;
  private changed = false;

  constructor(source: Source, items: readonly Item[], clock: Clock, log: Log) {
    this.source = source;
    this.items = [...items].sort(byAddress);
    this.clock = clock;
    this.log = log;
    this.lookAgain = new LookAgain(clock);
    this.blocks = [requestOf(this.items, source.limits)];
  }

  /** Tags that the device refuses to give. */
  get refusedTags(): number {
    return this.refused.size;
  }

  /** Takes over what others have found out of tags that are read here now; to be called before the first read. */
  adopt(others: readonly BlockReader[]): void {
    for (const other of others) {
      this.lastTime = Math.max(this.lastTime, other.lastTime);
      for (const item of this.items) {
        const known = other.refused.get(item);
        const apartSince = other.cuts.get(item);
        if (apartSince !== undefined) this.cuts.set(item, apartSince);
        if (known === undefined) continue;
        this.refused.set(item, known);
        this.lookAgain.adopt(other.lookAgain);
      }
    }
    this.replan();
  }

  /** What an earlier run has found out of the device; to be called before the first read. */
  recall({ refused, apart }: Recalled): void {
    if (this.source.exchange !== undefined) return;
    let soonest: LookState | null = null;
    for (const item of this.items) {
      const place = placeText({ ...item, table: this.source.table });
      const known = refused.get(place);
      const apartSince = apart.get(place)?.since;
      if (apartSince !== undefined) this.cuts.set(item, apartSince);
      if (known === undefined) continue;
      const { quality, since } = known;
      this.refused.set(item, { quality: qualityCode(quality), confirmed: true, told: true, since });
      if (soonest === null || known.next < soonest.next) soonest = known;
    }
    if (soonest !== null) this.lookAgain.resume(soonest);
    this.replan();
  }

  /** What the next run should know. */
  get learned(): Places {
    return placesOf(this.source.table, this.refused, this.cuts, this.lookAgain.state);
  }

  /** One sample for each tag; on abort, for those read before. Never rejects. */
  async read(signal: AbortSignal): Promise<readonly Sample[]> {
    const turn: Turn = { signal, samples: [], extraRequests: maxExtraRequests, stopped: null };
    if (this.lookAgain.isDue) this.suspectAll();
    const known = this.refused.size === 0 ? none : [...this.refused];
    const suspects = known.length === 0 ? none : known.filter(([, { confirmed }]) => !confirmed).map(([item]) => item);
    for (const block of this.blocks) await this.readBlock(block, turn);
    if (suspects.length > 0) {
      for (const block of requestsOf(suspects, this.source.limits, (item) => this.cuts.has(item))) {
        await this.readBlock(block, turn);
      }
    }
    const time = turn.samples.at(-1)?.time ?? this.clock.now();
    const why = known.length === 0 ? null : (turn.stopped ?? this.awayBecause);
    for (const [item, { confirmed, quality }] of known) {
      if (confirmed && why !== 'aborted') turn.samples.push(bad(item.tag, time, why ?? quality));
    }
    if (this.changed) this.replan();
    return turn.samples;
  }

  /** Where all is refused, no request tells that the device is away. */
  private get awayBecause(): QualityCode | null {
    const { link, unit } = this.source;
    if (link.state === 'disconnected') return qualityCode('bad/not-connected');
    return link.isSilent(unit) ? qualityCode('bad/timeout') : null;
  }

  /** False only if all of it was read as it stands. */
  private async readBlock(block: Block<Item>, turn: Turn): Promise<boolean> {
    if (turn.stopped === 'aborted') return true;
    if (turn.stopped !== null) {
      this.spoil(block, turn, this.clock.now(), turn.stopped);
      return true;
    }
    const reply = await this.source.link.read(readRequestOf(this.source, block), turn.signal);
    if (reply.kind === 'aborted') {
      turn.stopped = 'aborted';
      return true;
    }
    const time = this.timeOf(block, reply);
    if (reply.kind === 'data') {
      this.accept(block, turn, time, reply.data);
      return false;
    }
    const quality = qualityOf(reply);
    if (reply.kind === 'exception' && refusesAddresses(reply.code) && this.source.exchange === undefined) {
      await this.halve(block, turn, time, quality);
      return true;
    }
    if (reply.kind !== 'exception' && reply.kind !== 'garbled') turn.stopped = quality;
    this.spoil(block, turn, time, quality);
    return true;
  }

  /** The samples of a tag have rising times, even where its block was divided meanwhile and has lost its beat. */
  private timeOf(block: Block<Item>, reply: LinkReply): Micros {
    const onBeat = reply.kind === 'data' ? this.beatOf(block)(reply.time, reply.end) : reply.time;
    this.lastTime = onBeat > this.lastTime ? onBeat : reply.time;
    return this.lastTime;
  }

  private beatOf(block: Block<Item>): Beat {
    const known = this.beats.get(block);
    if (known !== undefined) return known;
    const beat = createBeat(this.source.everyMs, this.source.timeToleranceMs);
    this.beats.set(block, beat);
    return beat;
  }

  private accept(block: Block<Item>, turn: Turn, time: number, data: Buffer): void {
    for (const item of block.points) {
      turn.samples.push(item.decode(data, indexIn(block, item), time));
      const known = this.refused.size > 0 && this.refused.get(item);
      if (!known) continue;
      this.refused.delete(item);
      this.changed = true;
      this.lookAgain.found();
      if (this.refused.size === 0) this.lookAgain.end();
      if (known.told) this.log.info({ tag: item.tag.tag }, 'the device gives the tag again');
    }
  }

  private spoil(block: Block<Item>, turn: Turn, time: number, quality: QualityCode): void {
    for (const { tag } of block.points) turn.samples.push(bad(tag, time, quality));
  }

  private async halve(block: Block<Item>, turn: Turn, time: number, quality: QualityCode): Promise<void> {
    const { points } = block;
    const middle = points.length >> 1;
    const divide = points[middle];
    if (points.length < 2 || divide === undefined || turn.extraRequests < 2) {
      for (const item of points) this.refuse(item, quality, points.length === 1);
      this.spoil(block, turn, time, quality);
      return;
    }
    turn.extraRequests -= 2;
    const leftFailed = await this.readBlock(this.requestOf(points.slice(0, middle)), turn);
    const rightFailed = await this.readBlock(this.requestOf(points.slice(middle)), turn);
    if (leftFailed || rightFailed) return;
    this.cuts.set(divide, time);
    this.changed = true;
  }

  private requestOf(points: readonly Item[]): Block<Item> {
    return requestOf(points, this.source.limits);
  }

  private refuse(item: Item, quality: QualityCode, confirmed: boolean): void {
    const { told, since } = this.refused.get(item) ?? { told: false, since: this.clock.now() };
    this.refused.set(item, { quality, confirmed, told: told || confirmed, since });
    this.changed = true;
    if (!confirmed || told) return;
    this.lookAgain.begin();
    const place = this.source.table === 'file' ? recordAt(item.first) : { address: item.first };
    this.log.warn({ tag: item.tag.tag, ...place }, 'the device refuses the tag: is its address right?');
  }

  /** Time to look again: each turn does a part of it, within its bound of extra requests. */
  private suspectAll(): void {
    this.lookAgain.looked();
    for (const [item, known] of this.refused) this.refused.set(item, { ...known, confirmed: false });
  }

  private replan(): void {
    this.changed = false;
    if (this.source.exchange !== undefined) return;
    const afterRefused = new Set<Item>();
    for (const [position, item] of this.items.entries()) {
      const previous = this.items[position - 1];
      if (previous !== undefined && this.refused.has(previous)) afterRefused.add(item);
    }
    const startsNew = (item: Item): boolean => this.cuts.has(item) || afterRefused.has(item);
    const given = this.items.filter((item) => !this.refused.has(item));
    this.blocks = requestsOf(given, this.source.limits, startsNew);
  }
}

/** 02: no such address. 03: also said where a request is longer than the device can answer. */
const refusesAddresses = (code: number): boolean => code === 0x02 || code === 0x03;

const qualityOfException: Readonly<Partial<Record<number, QualityName>>> = {
  2: 'bad/address',
  // Gateway path unavailable, gateway target failed to respond: it is the gateway that answers, the device does not.
  10: 'bad/not-connected',
  11: 'bad/timeout',
};

const qualityOfKind = {
  garbled: 'bad/reply',
  timeout: 'bad/timeout',
  'not-connected': 'bad/not-connected',
  aborted: 'bad/stopped',
} as const satisfies Record<string, QualityName>;

type Failure = Exclude<LinkReply, { kind: 'data' }>;

export function qualityOf(reply: Failure): QualityCode {
  if (reply.kind === 'exception') return qualityCode(qualityOfException[reply.code] ?? 'bad/refused');
  return qualityCode(qualityOfKind[reply.kind === 'silent' ? reply.because : reply.kind]);
}
