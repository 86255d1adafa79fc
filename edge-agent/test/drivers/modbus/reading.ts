import { type AnyByteOrder, modbusTagSchema } from '@fieldline/shared/config';
import { qualityName, type Tag } from '@fieldline/shared/contracts';
import { expect } from 'vitest';
import { createDecode, type ValuePlace, valueTypeOf } from '../../../src/drivers/modbus/decode.ts';

/** Registers as four hexadecimal digits each, as a protocol analyser shows them. */
export const bytesOf = (registers: string): Buffer => Buffer.from(registers.replaceAll(' ', ''), 'hex');

const time = 1_700_000_000_000_000;

function decoderOf(settings: object, order: AnyByteOrder, place?: ValuePlace) {
  const parsed = modbusTagSchema.parse({ tag: 't', address: 0, ...settings });
  const setting = { ...parsed, table: parsed.table ?? ('holding' as const) };
  const tag: Tag = { device: 'd', tag: 't', type: valueTypeOf(setting) };
  return { tag, decode: createDecode(setting, tag, order, place) };
}

/** What the tag makes of a reply in which it stands at `index`. */
export function read(settings: object, data: Buffer, order: AnyByteOrder = 'ABCD', index = 0, place?: ValuePlace) {
  const { tag, decode } = decoderOf(settings, order, place);
  const sample = decode(data, index, time);
  expect(sample.time).toBe(time);
  return { value: sample.value, quality: qualityName(sample.quality), type: tag.type };
}
/** The values of many replies to one tag. */
export function valuesOf(settings: object, replies: Iterable<Buffer>): unknown[] {
  const { decode } = decoderOf(settings, 'ABCD');
  return Array.from(replies, (data) => decode(data, 0, time).value);
}
export const goodValue = (settings: object, registers: string, order?: AnyByteOrder) => {
  const { value, quality } = read(settings, bytesOf(registers), order);
  expect(quality).toBe('good');
  return value;
};
export const qualityOf = (settings: object, registers: string) => {
  const { value, quality } = read(settings, bytesOf(registers));
  expect(value === null).toBe(quality !== 'good');
  return quality;
};
