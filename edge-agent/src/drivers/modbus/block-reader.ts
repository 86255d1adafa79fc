import type { Exchange, ModbusTable } from '@fieldline/shared/config';
import { type Micros, type QualityCode, qualityCode, type Sample } from '@fieldline/shared/contracts';
import type { Clock, Log } from '@fieldline/shared/runtime';
import { type Beat, createBeat } from './beat.ts';
import { type Block, byAddress, indexIn, type Limits } from './blocks.ts';
import { bad } from './decode.ts';
import type { ReaderTrouble } from './device-trouble.ts';
import { exceptionName } from './exceptions.ts';
import { FoundOut, type Refusal } from './found-out.ts';
import type { Item } from './item.ts';
import { type Because, LastingTrouble } from './lasting-trouble.ts';
import type { Link, LinkReply } from './link.ts';
import type { Places, Recalled } from './refusals.ts';
import { isDeviceFailure, qualityOf, qualityOfSilence, refusesAddresses } from './reply-quality.ts';
import { readRequestOf } from './request.ts';
import { requestOf, requestsOf } from './requests.ts';

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

type Turn = {
  readonly signal: AbortSignal;
  readonly samples: Sample[];
  extraRequests: number;
  /** A device failure is taken to be of what was asked for, not of the device: it is divided. */
  dividesFailures: boolean;
  hasDividedFailure: boolean;
  /** What the device failed at: believed at the end of the turn, if it gave any values in it. */
  readonly failed: Map<Item, Refusal>;
  hasValues: boolean;
  hasTrouble: boolean;
  /** Set once there is no sense in asking further: the quality of all that was not read; `aborted`: nothing more is wanted. */
  stopped: QualityCode | 'aborted' | null;
};

/**
 * Reads one block of the plan. A device refuses a block whole where it lacks a single register of it; so a refused block is
 * halved until what is refused stands alone. From then on the others are read in the cheapest requests that leave it out, and
 * it is tried again at growing intervals. What was learned can be kept for the next run. A device failure that lasts is halved
 * too; where no part of it is answered, it is the device that has failed, and it is asked as before.
 */
export class BlockReader {
  private readonly source: Source;
  private readonly items: readonly Item[];
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly found: FoundOut;
  private readonly beats = new WeakMap<Block<Item>, Beat>();
  private readonly lasting = new LastingTrouble<Item>();
  private blocks: readonly Block<Item>[];
  private lastTime = 0;
  private changed = false;
  /** In the last turn it gave values where a failure was divided: what fails then is divided at once. */
  private failsInParts = false;
  /** Where all that was asked for from one end on failed, the next look begins at the other. */
  private beginsAtEnd = false;

  constructor(source: Source, items: readonly Item[], clock: Clock, log: Log) {
    this.source = source;
    this.items = [...items].sort(byAddress);
    this.clock = clock;
    this.log = log;
    this.found = new FoundOut(source.table, clock, log);
    this.blocks = [requestOf(this.items, source.limits)];
  }

  /** What it cannot read, though the device answers. */
  get trouble(): ReaderTrouble {
    const requests = this.blocks.map((block) => {
      const because = this.lasting.of(block);
      return { because, tags: because === null ? none : block.points.map(({ tag }) => tag.tag) };
    });
    return { refused: this.found.refusedTags, requests };
  }

  /** Takes over what others have found out of tags that are read here now; to be called before the first read. */
  adopt(others: readonly BlockReader[]): void {
    for (const other of others) {
      this.lastTime = Math.max(this.lastTime, other.lastTime);
      this.found.adopt(other.found, this.items);
    }
    this.replan();
  }

  /** What an earlier run has found out of the device; to be called before the first read. */
  recall(recalled: Recalled): void {
    if (this.source.exchange !== undefined) return;
    this.found.recall(recalled, this.items);
    this.replan();
  }

  /** What the next run should know. */
  get learned(): Places {
    return this.found.learned;
  }

  /** One sample for each tag; on abort, for those read before. Never rejects. */
  async read(signal: AbortSignal): Promise<readonly Sample[]> {
    const turn = newTurn(signal);
    this.found.suspectWhenDue();
    const known = this.found.hasRefused ? this.found.all : none;
    const suspects = known.length === 0 ? none : known.filter(([, { confirmed }]) => !confirmed).map(([item]) => item);
    for (const block of this.blocks) {
      turn.dividesFailures = this.failsInParts;
      await this.readBlock(block, turn);
    }
    if (suspects.length > 0) {
      turn.dividesFailures = true;
      for (const block of requestsOf(suspects, this.source.limits, (item) => this.found.isApart(item))) {
        await this.readBlock(block, turn);
      }
    }
    const time = turn.samples.at(-1)?.time ?? this.clock.now();
    const why = known.length === 0 ? null : (turn.stopped ?? this.awayBecause);
    for (const [item, { confirmed, quality }] of known) {
      if (confirmed && why !== 'aborted') turn.samples.push(bad(item.tag, time, why ?? quality));
    }
    if (turn.hasTrouble) this.settle(turn);
    this.failsInParts = turn.hasDividedFailure && turn.hasValues;
    if (this.changed) this.replan();
    return turn.samples;
  }

  /** Where all is refused, no request tells that the device is away. */
  private get awayBecause(): QualityCode | null {
    const { link, unit } = this.source;
    if (link.state === 'disconnected') return qualityCode('bad/not-connected');
    const because = link.givenUpBecause(unit);
    return because === null ? null : qualityOfSilence(because);
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
    turn.hasTrouble = true;
    if (this.blocks.includes(block)) this.lasting.came(block, reply);
    if (reply.kind === 'exception' && this.mayDivide(block, turn, reply.code)) {
      turn.dividesFailures = true;
      turn.hasDividedFailure ||= isDeviceFailure(reply.code);
      await this.halve(block, turn, time, { code: reply.code, quality });
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
    turn.hasValues = true;
    if (this.lasting.ended(block)) this.log.info({ tags: block.points.length }, 'the device answers the request again');
    for (const item of block.points) {
      turn.samples.push(item.decode(data, indexIn(block, item), time));
      if (this.found.hasRefused && this.found.given(item)) this.changed = true;
    }
  }

  private spoil(block: Block<Item>, turn: Turn, time: number, quality: QualityCode): void {
    for (const { tag } of block.points) turn.samples.push(bad(tag, time, quality));
  }

  private mayDivide(block: Block<Item>, turn: Turn, code: number): boolean {
    if (this.source.exchange !== undefined) return false;
    if (refusesAddresses(code)) return true;
    return isDeviceFailure(code) && (turn.dividesFailures || this.lasting.mayDivide(block));
  }

  private async halve(
    block: Block<Item>,
    turn: Turn,
    time: number,
    refusal: Omit<Refusal, 'confirmed'>,
  ): Promise<void> {
    const { points } = block;
    const middle = points.length >> 1;
    const divide = points[middle];
    if (points.length < 2 || divide === undefined || turn.extraRequests < 2) {
      for (const item of points) this.noteRefused(item, turn, { ...refusal, confirmed: points.length === 1 });
      this.spoil(block, turn, time, refusal.quality);
      return;
    }
    turn.extraRequests -= 2;
    const halves = [points.slice(0, middle), points.slice(middle)];
    let isAnyFailed = false;
    for (const half of this.beginsAtEnd ? halves.reverse() : halves) {
      if (await this.readBlock(this.requestOf(half), turn)) isAnyFailed = true;
    }
    if (isAnyFailed) return;
    this.found.setApart(divide, time);
    this.changed = true;
  }

  private requestOf(points: readonly Item[]): Block<Item> {
    return requestOf(points, this.source.limits);
  }

  private noteRefused(item: Item, turn: Turn, refusal: Refusal): void {
    if (isDeviceFailure(refusal.code)) turn.failed.set(item, refusal);
    else this.refuse(item, refusal);
  }

  private refuse(item: Item, refusal: Refusal): void {
    this.found.refuse(item, refusal);
    this.changed = true;
  }

  /** Whether the device has failed as a whole is known once all was asked; that it fails at one tag, a second turn has to confirm. */
  private settle({ failed, hasValues }: Turn): void {
    for (const [item, refusal] of failed) {
      if (!hasValues) this.changed = this.found.unsuspect(item) || this.changed;
      else this.refuse(item, { ...refusal, confirmed: refusal.confirmed && this.found.isRefused(item) });
    }
    if (failed.size > 0 && !hasValues) this.beginsAtEnd = !this.beginsAtEnd;
    for (const block of this.blocks) {
      const news = this.lasting.news(block);
      if (news !== null) this.tell(block, news);
    }
  }

  private tell({ points }: Block<Item>, because: Because): void {
    const reason = because === 'garbled' ? 'an answer that is damaged or none to it' : exceptionName(because);
    this.log.warn(
      { tags: points.length, first: points[0]?.tag.tag, reason },
      'the device gives no value for a request',
    );
  }

  private replan(): void {
    this.changed = false;
    if (this.source.exchange !== undefined) return;
    this.lasting.clear();
    const { found } = this;
    const afterRefused = new Set<Item>();
    for (const [position, item] of this.items.entries()) {
      const previous = this.items[position - 1];
      if (previous !== undefined && found.isRefused(previous)) afterRefused.add(item);
    }
    const startsNew = (item: Item): boolean => found.isApart(item) || afterRefused.has(item);
    const given = this.items.filter((item) => !found.isRefused(item));
    this.blocks = requestsOf(given, this.source.limits, startsNew);
  }
}

const newTurn = (signal: AbortSignal): Turn => ({
  signal,
  samples: [],
  extraRequests: maxExtraRequests,
  dividesFailures: false,
  hasDividedFailure: false,
  failed: new Map(),
  hasValues: false,
  hasTrouble: false,
  stopped: null,
});
