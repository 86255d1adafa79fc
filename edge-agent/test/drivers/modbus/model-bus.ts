/**
 * Minutes of a bus, in a few seconds: the link, its guards and the poller are the real ones; the line is a model that takes its time
 * for each byte, under a clock of the test's own, so that a busy machine does not decide what is measured. Needs fake timers.
 */
import { modbusLinkSchema } from '@fieldline/shared/config';
import type { TagClass } from '@fieldline/shared/contracts';
import { createMetrics, silentLog } from '@fieldline/shared/runtime';
import { vi } from 'vitest';
import type { Channel } from '../../../src/drivers/modbus/channels/channel.ts';
import { DialIns } from '../../../src/drivers/modbus/channels/dial-in.ts';
import { Link, type LinkParts, type LinkReply } from '../../../src/drivers/modbus/link.ts';
import { createModbusMetrics } from '../../../src/drivers/modbus/metrics.ts';
import { FlightRecorder } from '../../../src/drivers/modbus/recorder/flight-recorder.ts';
import { createPoller } from '../../../src/poller/poller.ts';
import { createFakeChannel } from './fake-channel.ts';
import { registers, withChecksum } from './plc.ts';

const baudRate = 9_600;
/** Start, eight data bits, parity, stop. */
const characterMs = (11 * 1_000) / baudRate;
export const modelLine = { kind: 'rtu', path: '/dev/model', baudRate };
/** The answer to a write of one register is the request once more. */
export const writeCode = 6;
export const registerCount = 10;
export const thinkMs = 4;
export const timeoutMs = 500;

export function useModelClock(): void {
  const toFake = [
    'setTimeout',
    'clearTimeout',
    'setInterval',
    'clearInterval',
    'setImmediate',
    'performance',
    'Date',
  ] as const;
  vi.useFakeTimers({ toFake: [...toFake], fakeNodeBuiltins: true });
}

export type BusSettings = Faults & {
  readonly units: number;
  readonly everyMs: number;
  readonly turns: number;
  readonly classOf?: (unit: number) => TagClass;
  /** Called at the start: for what is to be asked beside the polls. */
  readonly beside?: (link: Link) => void;
};

export type Faults = {
  /** Registers that no unit has. */
  readonly missing?: ReadonlySet<number>;
  /** Whether it does not answer what is asked at this time, counted from the start. */
  readonly isDead?: (unit: number, atMs: number) => boolean;
  /** What a unit takes to answer. */
  readonly thinkMsOf?: (unit: number, atMs: number) => number;
};

export type Asked = { readonly unit: number; readonly first: number; readonly count: number; readonly atMs: number };

const noRegisters: ReadonlySet<number> = new Set();
export type TimedReply = LinkReply & { readonly atMs: number };

/** Devices at the other end of a line: all but the dead answer, as fast as the line is. */
export function devicesOn(
  { isDead = () => false, thinkMsOf = () => thinkMs, missing = noRegisters }: Faults,
  startMs: number,
) {
  const asked: Asked[] = [];
  const { channel, receive } = createFakeChannel();
  const readReply = (unit: number, first: number, count: number): Buffer => {
    const addresses = Array.from({ length: count }, (_, n) => first + n);
    const isRefused = addresses.some((address) => missing.has(address));
    const pdu = isRefused ? Buffer.of(0x83, 2) : registers({ code: 3 }, addresses);
    return withChecksum(Buffer.concat([Buffer.of(unit), pdu]));
  };
  const write = (request: Buffer): void => {
    const [unit, first, count] = [request.readUInt8(0), request.readUInt16BE(2), request.readUInt16BE(4)];
    const atMs = performance.now() - startMs;
    asked.push({ unit, first, count, atMs });
    if (isDead(unit, atMs)) return;
    const reply = request.readUInt8(1) === writeCode ? request : readReply(unit, first, count);
    setTimeout(() => receive(reply), (request.length + reply.length) * characterMs + thinkMsOf(unit, atMs));
  };
  return { asked, channel: { ...channel, write } };
}

/** A link to such devices, and what belongs to it. */
export const createModelLink = (channel: Channel) => createLinkBy(modelLine, () => Promise.resolve(channel));

/** A link with such settings, by channels that `openChannel` gives. */
export function createLinkBy(settings: object, openChannel: LinkParts['openChannel']) {
  const clock = { now: () => Math.round(performance.now() * 1_000), monotonicMs: () => performance.now() };
  const registry = createMetrics();
  const metrics = createModbusMetrics(registry);
  const parts = { clock, log: silentLog, metrics, heldSinceMs: () => null };
  const recorder = new FlightRecorder({ memoryBytes: 0, maxFiles: 1 }, parts, []);
  const dialIns = new DialIns(silentLog, () => {});
  const link = new Link(modbusLinkSchema.parse(settings), { ...parts, dialIns, recorder, openChannel });
  return { link, clock, registry, metrics };
}

/** Polls all units of a bus for all turns; gives what each was answered, and every request on the line. */
export async function pollBus(settings: BusSettings) {
  const { units, everyMs, turns, classOf = () => 'process' } = settings;
  const startMs = performance.now();
  const { asked, channel } = devicesOn(settings, startMs);
  const { link, clock, registry } = createModelLink(channel);
  const replies = new Map<number, TimedReply[]>();
  const requests = Array.from({ length: units }, (_, index) => {
    const unit = index + 1;
    const mine: TimedReply[] = [];
    replies.set(unit, mine);
    link.expect(unit, null);
    const request = { unit, table: 'holding', first: 0, count: registerCount, timeoutMs } as const;
    const read = async (signal: AbortSignal) => {
      const reply = await link.read(request, signal);
      mine.push({ ...reply, atMs: performance.now() - startMs });
      return [];
    };
    return { link: link.name, name: `unit ${unit}`, everyMs, class: classOf(unit), read };
  });
  link.start();
  const poller = createPoller({ clock, log: silentLog, metrics: registry, onSamples: () => {} });
  poller.start(requests);
  settings.beside?.(link);
  await vi.advanceTimersByTimeAsync(turns * everyMs);
  const closing = Promise.all([poller.close(), link.close()]);
  await vi.advanceTimersByTimeAsync(1_000);
  await closing;
  const text = await registry.text();
  const missedOf = (tagClass: TagClass): number =>
    Number(text.match(`fieldline_poller_missed_total\\{link="/dev/model",class="${tagClass}"\\} (\\d+)`)?.[1] ?? 0);
  return { replies, asked, link, missedOf, elapsedMs: turns * everyMs };
}

export type Bus = Awaited<ReturnType<typeof pollBus>>;

export const goodOf = ({ replies }: Bus, unit: number): number =>
  (replies.get(unit) ?? []).filter(({ kind }) => kind === 'data').length;

/** How long requests to a unit held the line, up to the next request of whomever. */
export const heldMsOf = ({ asked }: Pick<Bus, 'asked'>, isMeant: (unit: number) => boolean): number =>
  asked.reduce((sum, { unit, atMs }, n) => sum + (isMeant(unit) ? (asked[n + 1]?.atMs ?? atMs) - atMs : 0), 0);
