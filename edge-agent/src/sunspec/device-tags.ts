/** The tags of a walked device: those of each known model, moved to where the device has it. */
import type { Written } from '@fieldline/shared/config/loose-data';
import { registerCount } from '@fieldline/shared/config/modbus-types';
import type { Model, ModelPoint } from './model-files.ts';
import type { FoundModel } from './walk.ts';

/** A model of the device with what its registers held; `name` sets it apart from others of its kind. */
export type ReadModel = {
  readonly found: FoundModel;
  readonly model: Model;
  readonly name: string;
  readonly words: readonly number[];
};
export type DeviceTag = { readonly fields: Written; readonly isAbsent: boolean };

/** What a scale factor that is not there says (SunSpec information model, sunssf). */
const noFactor = 0x8000;
/** A value and its scale factor come in one reply. */
const maxDistance = 125;

export function tagsOf({ found, model, name, words }: ReadModel): DeviceTag[] {
  const { repeat, points } = model;
  const blocks = repeat === undefined ? [0] : blocksOf(found.length + 2, repeat);
  return blocks.flatMap((from, block) =>
    points.flatMap((point): DeviceTag[] => {
      const at = from + point.tag.address;
      const factorAt = point.tag.scaleFactor === undefined ? null : Number(point.tag.scaleFactor);
      const end = at + registerCount(point.tag);
      if (end > words.length || (factorAt !== null && end - factorAt > maxDistance)) return [];
      const names = repeat === undefined ? name : `${name}${block + 1}`;
      const factor = factorAt === null ? {} : { scaleFactor: found.first + factorAt };
      const fields = { ...moved(point, names), address: found.first + at, ...factor };
      const isAbsent = (factorAt !== null && words[factorAt] === noFactor) || saysNothing(point, words.slice(at, end));
      return [{ fields, isAbsent }];
    }),
  );
}

const blocksOf = (length: number, repeat: { from: number; length: number }): number[] =>
  Array.from(
    { length: Math.max(0, Math.floor((length - repeat.from) / repeat.length)) },
    (_, index) => repeat.from + index * repeat.length,
  );

/** Without its scale factor, which stands elsewhere now; the keys keep their order. */
function moved({ tag, written }: ModelPoint, name: string): Written {
  const { scaleFactor: _scaleFactor, ...fields } = written;
  const group = tag.group === undefined ? {} : { group: `${name}.${tag.group}` };
  return { ...fields, tag: `${name}.${tag.tag}`, ...group };
}

/** A counter that stands at 0 is one that the device has not (acc32), as is what its own pattern or NaN says. */
function saysNothing({ tag }: ModelPoint, words: readonly number[]): boolean {
  const pattern = words.reduce((sum, word) => (sum << 16n) | BigInt(word), 0n);
  if (tag.type === 'float32') return (pattern & 0x7f80_0000n) === 0x7f80_0000n && (pattern & 0x7f_ffffn) !== 0n;
  if (tag.notAvailable === undefined) return pattern === 0n;
  return tag.notAvailable.some((entry) => BigInt(entry) === pattern);
}
