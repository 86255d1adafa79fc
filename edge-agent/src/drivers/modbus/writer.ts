/** Writes tags: reads what is there, sees that what is asked for can be said in registers, asks for leave, writes once. */
import { functionsOf, isBitTable, isPart, type ModbusDevice, type ModbusTag } from '@fieldline/shared/config/modbus';
import type { Sample, Tag, Value } from '@fieldline/shared/contracts';
import type { TagWriter, WriteOrder, WriteProblem, WriteResult } from '../driver.ts';
import { swapsBytes } from './codec/byte-order.ts';
import { bad, type Decode } from './decode.ts';
import { encode, toleranceOf } from './encode.ts';
import type { Ask, Link, LinkReply } from './link.ts';
import type { Point } from './plan.ts';
import { qualityOf } from './reply-quality.ts';
import type { RegisterWrite } from './write-request.ts';

/** A tag that may be written, and where. */
export type Target = {
  readonly device: ModbusDevice;
  readonly link: Link;
  readonly point: Point;
  readonly tag: Tag;
  readonly decode: Decode;
};

/** What will be sent, and what it will be read back as. */
type Prepared = { readonly write: RegisterWrite; readonly written: Value };

export function createWriter(targets: readonly Target[], signal: AbortSignal): TagWriter {
  const byTag = new Map(targets.map((target) => [target.tag, target]));
  const targetOf = (tag: Tag): Target => {
    const target = byTag.get(tag);
    if (target === undefined) throw new Error(`${tag.device}/${tag.tag} is not writable`);
    return target;
  };
  return {
    write: (tag, order) => {
      const target = targetOf(tag);
      return target.link.ahead((ask) => perform(target, order, ask, signal));
    },
    read: (tag) => {
      const target = targetOf(tag);
      return target.link.ahead(async (ask) => sampleOf(target, await ask(readOf(target), signal)));
    },
  };
}

async function perform(target: Target, order: WriteOrder, ask: Ask, signal: AbortSignal): Promise<WriteResult> {
  const { device } = target;
  const found = await ask(readOf(target), signal);
  if (found.kind !== 'data') return notSent(unreadable(found), null);
  const before = sampleOf(target, found).value;
  const prepared = prepare(target, order.value, found.data);
  if ('problem' in prepared) return notSent(prepared.problem, before);
  const refusal = order.permit(before);
  if (refusal !== null) return notSent(refusal, before);
  const { write, written } = prepared;
  const reply = await ask({ unit: device.unit, timeoutMs: device.timeoutMs, write }, signal);
  return { ...judge(reply, write), before, written };
}

const readOf = ({ device, point, tag }: Target) => {
  const { table, first, count } = point;
  if (table === 'file') throw new Error(`${tag.tag} stands in a file, and is not writable`);
  return { unit: device.unit, timeoutMs: device.timeoutMs, table, first, count };
};

const notSent = (problem: WriteProblem, before: Value | null): WriteResult => ({
  kind: 'not-sent',
  problem,
  before,
  written: null,
});

function sampleOf({ tag, decode }: Target, reply: LinkReply): Sample {
  if (reply.kind === 'data') return decode(reply.data, 0, reply.time);
  return bad(tag, reply.time, qualityOf(reply));
}

function unreadable(reply: Exclude<LinkReply, { kind: 'data' }>): WriteProblem {
  switch (reply.kind) {
    case 'not-connected':
      return { reason: 'not-connected', message: 'there is no connection to the device' };
    case 'silent':
      return { reason: 'not-connected', message: 'the device has not answered for a while' };
    case 'exception':
      return { reason: 'not-readable', message: `the device answers its reading with exception ${reply.code}` };
    default:
      return { reason: 'not-readable', message: 'the device did not answer when it was read before the write' };
  }
}

/** `found`: the registers as they are, the scale factor among them. */
function prepare(target: Target, value: Value, found: Buffer): Prepared | { readonly problem: WriteProblem } {
  const { point, device, decode, tag } = target;
  const { setting, valueAt, factorAt } = point;
  const first = point.first + valueAt;
  if (isBitTable(point.table)) {
    return {
      write: { code: setting.write?.functionCode === 15 ? 15 : 5, first, isOn: value === true },
      written: value,
    };
  }
  const power = factorAt === null ? 0 : powerIn(target, found, factorAt);
  const encoded = encode(setting, device.byteOrder, value, power);
  if (encoded === null) return unfit(value, null);
  const held = found.readUInt16BE(valueAt * 2);
  const { mask, words } = encoded;
  const whole = mask === null ? words : words.map((word) => (held & ~mask & 0xffff) | (word & mask));
  const wanted = Buffer.from(found);
  for (const [index, word] of whole.entries()) wanted.writeUInt16BE(word, (valueAt + index) * 2);
  const written = decode(wanted, 0, 0).value;
  if (written === null || !isMeant(setting, value, written, power)) return unfit(value, written);
  const code = setting.write?.functionCode ?? functionsOf(setting, point.table, readsFirst(setting))[0];
  if (code === 22) return { write: { code, first, mask: mask ?? 0xffff, word: words[0] ?? 0 }, written };
  if (code === 6 || code === 16 || code === 23) return { write: { code, first, words: whole }, written };
  throw new Error(`function ${code} does not write ${tag.tag}`);
}

const readsFirst = (setting: ModbusTag): boolean => isPart(setting) && setting.write?.readModifyWrite === true;

/** Of a scale factor that says none there is no value to compare with: decoding tells. */
function powerIn({ device, point }: Target, found: Buffer, factorAt: number): number {
  const order = point.setting.byteOrder ?? device.byteOrder;
  const bytes = Buffer.from(found.subarray(factorAt * 2, factorAt * 2 + 2));
  const power = (swapsBytes(order) ? bytes.swap16() : bytes).readInt16BE();
  return Math.abs(power) <= 10 ? power : 0;
}

function isMeant(setting: ModbusTag, wanted: Value, written: Value, power: number): boolean {
  if (typeof wanted !== 'number' || typeof written !== 'number') return wanted === written;
  return Math.abs(wanted - written) <= toleranceOf(setting, wanted, power);
}

const unfit = (wanted: Value, nearest: Value | null): { readonly problem: WriteProblem } => ({
  problem: {
    reason: 'not-representable',
    message:
      nearest === null
        ? `no register value of this tag stands for ${wanted}`
        : `no register value of this tag stands for ${wanted}; ${nearest} would be written`,
  },
});

/** The request is being worked on; the gateway heard nothing of the device behind it. */
const acknowledged = 0x05;
const targetSilent = 0x0b;
const illegalFunction = 0x01;

function judge(reply: LinkReply, write: RegisterWrite): Pick<WriteResult, 'kind' | 'problem'> {
  switch (reply.kind) {
    case 'data':
      return { kind: 'accepted', problem: null };
    case 'silent':
      return { kind: 'not-sent', problem: unreadable(reply) };
    case 'exception': {
      const { code } = reply;
      const kind = code === acknowledged || code === targetSilent ? 'unanswered' : 'rejected';
      const hint = code === illegalFunction ? `: it has no function ${write.code}${otherWay(write)}` : '';
      return { kind, problem: { reason: 'exception', message: `the device answers with exception ${code}${hint}` } };
    }
    default:
      return {
        kind: 'unanswered',
        problem: { reason: 'no-answer', message: 'the write was not answered as it should' },
      };
  }
}

const otherWay = ({ code }: RegisterWrite): string =>
  code === 22
    ? '; where nothing else writes this register, set write.readModifyWrite'
    : '; set write.functionCode, if it has another';
