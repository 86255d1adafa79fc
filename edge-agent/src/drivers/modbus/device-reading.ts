/** How one device is read: the requests of its plan, each with the reader of its block, and how busy they keep its line. */
import type { Exchange, ModbusDevice, ModbusTable, ModbusTag } from '@fieldline/shared/config/modbus';
import { isSerialLink } from '@fieldline/shared/config/modbus-link';
import { classRank, defaultClass, type Tag, type TagClass, tagClasses } from '@fieldline/shared/contracts';
import type { Clock, Log } from '@fieldline/shared/runtime';
import type { PollRequest } from '../driver.ts';
import { BlockReader } from './block-reader.ts';
import type { Block, Span } from './blocks.ts';
import { createDecode, valueTypeOf } from './decode.ts';
import { type DeviceTrouble, deviceTroubleOf } from './device-trouble.ts';
import type { Item } from './item.ts';
import type { Link } from './link.ts';
import { type Plan, type Point, planDevice, requestText } from './plan.ts';
import { keyOf, type Places, type Recalled, type RefusalsKey } from './refusals.ts';
import { asRegisters, readRequestOf } from './request.ts';
import { costOf, typicalAnswerMs } from './request-cost.ts';
import type { Target } from './writer.ts';

/** Another plan must keep the line busy for less than this share of the time that the present one does. */
const worthReplanning = 0.97;

/** One request of the plan. */
type Part = {
  readonly table: ModbusTable;
  readonly everyMs: number;
  readonly exchange: Exchange | undefined;
  readonly block: Block<Span>;
  readonly reader: BlockReader;
  readonly request: PollRequest;
};

export class DeviceReading {
  readonly device: ModbusDevice;
  readonly link: Link;
  readonly tags: readonly Tag[];
  readonly targets: readonly Target[];
  readonly refusalsKey: RefusalsKey;
  private readonly clock: Clock;
  private readonly log: Log;
  /** Each tag once, whatever request it is read in. */
  private readonly items = new Map<ModbusTag, Item>();
  private parts: readonly Part[];

  /** `recall`: what an earlier run has found out of it. */
  constructor(
    device: ModbusDevice,
    link: Link,
    clock: Clock,
    log: Log,
    recall: (key: RefusalsKey) => Recalled | null = () => null,
  ) {
    this.device = device;
    this.link = link;
    this.clock = clock;
    this.log = log.child({ device: device.device });
    const plans = planDevice(device, this.answerMs);
    const points = plans.flatMap(({ blocks }) => blocks.flatMap((block) => block.points));
    this.parts = plans.flatMap((plan) => plan.blocks.map((block) => this.partOf(plan, block)));
    this.tags = points.map((point) => this.itemOf(point).tag);
    this.targets = points.flatMap((point) =>
      point.setting.write === undefined ? [] : [{ ...this.itemOf(point), device, link, point }],
    );
    this.refusalsKey = keyOf(device);
    this.recall(recall(this.refusalsKey));
    // On a network nothing is planned again.
    if (!isSerialLink(device.link)) this.items.clear();
  }

  get requests(): readonly PollRequest[] {
    return this.parts.map(({ request }) => request);
  }

  /** What it does not give, though it answers. */
  get trouble(): DeviceTrouble {
    return deviceTroubleOf(this.parts.map(({ reader }) => reader.trouble));
  }

  /** What the next run should know of it. */
  get learned(): Places {
    const learned = this.parts.map(({ reader }) => reader.learned);
    return { refused: learned.flatMap(({ refused }) => refused), apart: learned.flatMap(({ apart }) => apart) };
  }

  /** What its unit takes to answer: as measured, else as is usual. */
  get answerMs(): number {
    return this.link.answerMsOf(this.device.unit) ?? typicalAnswerMs;
  }

  /** Share of the time that its requests take a serial line; 0 on a network. */
  get load(): number {
    return isSerialLink(this.device.link) ? this.loadOf(this.parts) : 0;
  }

  /** By what its unit takes to answer by now. True if other requests are to be read from now on. */
  replan(): boolean {
    if (!isSerialLink(this.device.link)) return false;
    const plans = planDevice(this.device, this.answerMs);
    const wanted = plans.flatMap((plan) => plan.blocks.map((block) => ({ ...plan, block })));
    if (this.loadOf(wanted) >= worthReplanning * this.load) return false;
    const before = this.parts;
    this.parts = plans.flatMap((plan) => {
      const same = before.filter(
        ({ table, everyMs, exchange }) =>
          table === plan.table && everyMs === plan.everyMs && exchange?.name === plan.exchange?.name,
      );
      return plan.blocks.map(
        (block) => same.find((part) => isSame(part.block, block)) ?? this.partAfter(same, plan, block),
      );
    });
    return true;
  }

  private recall(recalled: Recalled | null): void {
    if (recalled === null || recalled.refused.size + recalled.apart.size === 0) return;
    for (const { reader } of this.parts) reader.recall(recalled);
    const tags = this.trouble.refusedTags;
    if (tags > 0) this.log.warn({ tags }, 'the device has refused tags in an earlier run: they are asked for seldom');
  }

  private loadOf(requests: readonly Pick<Part, 'table' | 'everyMs' | 'exchange' | 'block'>[]): number {
    const { link, unit, timeoutMs } = this.device;
    const cost = costOf(link, 'holding', this.answerMs);
    return requests.reduce(
      (sum, { table, everyMs, exchange, block }) =>
        sum + cost(asRegisters(readRequestOf({ unit, table, timeoutMs, exchange }, block))) / everyMs,
      0,
    );
  }

  /** What others have found out about its tags goes with them. */
  private partAfter(others: readonly Part[], plan: Plan, block: Block<Point>): Part {
    const part = this.partOf(plan, block);
    part.reader.adopt(others.map(({ reader }) => reader));
    return part;
  }

  private partOf(plan: Plan, block: Block<Point>): Part {
    const { table, everyMs, limits, exchange } = plan;
    const { device, link, clock, log } = this;
    const { unit, timeoutMs, timeToleranceMs } = device;
    const source = { link, unit, table, timeoutMs, everyMs, timeToleranceMs, limits, exchange };
    const items = block.points.map((point) => this.itemOf(point));
    const reader = new BlockReader(source, items, clock, log);
    const request: PollRequest = {
      link: link.name,
      name: `${device.device} ${requestText(plan, block, device.addressBase)}`,
      everyMs,
      class: highestClass(device, block),
      read: (signal) => reader.read(signal),
    };
    const { first, count, stretches } = block;
    return { table, everyMs, exchange, block: { first, count, stretches, points: [] }, reader, request };
  }

  private itemOf(point: Point): Item {
    const { first, count, setting } = point;
    const known = this.items.get(setting);
    if (known !== undefined) return known;
    const tag: Tag = { device: this.device.device, tag: setting.tag, type: valueTypeOf(setting) };
    const item = { first, count, tag, decode: createDecode(setting, tag, this.device.byteOrder, point) };
    this.items.set(setting, item);
    return item;
  }
}

const isSame = ({ stretches: one }: Block<Span>, { stretches: other }: Block<Span>): boolean =>
  one.length === other.length &&
  one.every(({ first, count }, index) => first === other[index]?.first && count === other[index]?.count);

function highestClass(device: ModbusDevice, { points }: Block<Point>): TagClass {
  const ranks = points.map(({ setting }) => classRank(setting.class ?? device.class ?? defaultClass));
  return tagClasses[Math.max(...ranks)] ?? defaultClass;
}
