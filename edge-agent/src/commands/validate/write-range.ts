/** Limits of commands that reach beyond what a tag can hold: mostly a wrong type, or a forgotten scale. */
import {
  exactLimit,
  isFloat,
  type ModbusTag,
  type OpcuaTag,
  patternBits,
  registerCount,
  type WriteRules,
} from '@fieldline/shared/config';
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import { wholeRange } from '@fieldline/shared/contracts';
import { arithmeticOf } from '../../drivers/modbus/codec/arithmetic.ts';
import type { Issue } from './findings.ts';

export function writeRanges(devices: EdgeConfig['devices']): Issue[] {
  return devices.flatMap((device, position): Issue[] => {
    const found =
      device.protocol === 'modbus'
        ? device.tags.map((tag) => beyond(tag, valueRange(tag)))
        : device.tags.map((tag) => beyond(tag, typeRange(tag)));
    return found.flatMap((problems, index) =>
      problems.map(({ key, message }) => ({ path: ['devices', position, 'tags', index, 'write', key], message })),
    );
  });
}

type Written = { readonly tag: string; readonly type: string; readonly write?: WriteRules | undefined };
type Range = readonly [number | bigint, number | bigint];

function beyond(tag: Written, range: Range | null): { readonly key: 'min' | 'max'; readonly message: string }[] {
  if (range === null || tag.write === undefined) return [];
  const [lowest, highest] = range;
  const [min, max] = [exactLimit(tag.write.min ?? lowest), exactLimit(tag.write.max ?? highest)];
  const message = `${tag.tag} (${tag.type}) can only hold ${lowest} to ${highest}: what lies beyond is refused`;
  return [
    ...(min < lowest || min > highest ? [{ key: 'min' as const, message }] : []),
    ...(max < lowest || max > highest ? [{ key: 'max' as const, message }] : []),
  ];
}

function typeRange({ type }: OpcuaTag): Range | null {
  const [, unsigned, width] = /^(u?)int(\d+)$/.exec(type) ?? [];
  if (width === undefined) return null;
  return wholeRange(Number(width), unsigned !== '');
}

/** null where that is not known, or has no bounds that matter. */
function valueRange(tag: ModbusTag): Range | null {
  const raw = rawRange(tag);
  if (raw === null || tag.scaleFactor !== undefined) return null;
  const compute = arithmeticOf(tag);
  const [one, other] = compute === null ? raw : [compute(raw[0], 0), compute(raw[1], 0)];
  return one < other ? [one, other] : [other, one];
}

function rawRange(tag: ModbusTag): Range | null {
  const { type, bits, signed = false } = tag;
  if (isFloat(type) || type === 'string' || type === 'bool' || type === 'time') return null;
  if (type === 'bcd') return [0, 10_000 ** registerCount(tag) - 1];
  if (type === 'mod10000') {
    const most = 10_000 ** registerCount(tag) - 1;
    return [signed ? -most : 0, most];
  }
  const width = bits === undefined ? patternBits(tag) : bits[1] - bits[0] + 1;
  return wholeRange(width, !type.startsWith('int'));
}
