import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  encodeBatch,
  encodePart,
  type Sample,
  SampleColumns,
  type Tag,
  TagPlaces,
  unpackBatch,
} from '../../src/contracts/index.ts';

const tags: Tag[] = Array.from({ length: 400 }, (_, n) => ({
  device: `plc-${Math.floor(n / 30)}`,
  tag: `t${n}`,
  type: 'int16',
}));
const samplesOf = (indexes: readonly number[]): Sample[] =>
  indexes.map((index, position) => ({ tag: tags[index] as Tag, time: 1e15 + position, value: index, quality: 0 }));
const batches = fc.array(fc.array(fc.nat({ max: tags.length - 1 }), { maxLength: 600 }), {
  minLength: 1,
  maxLength: 8,
});

it('gives each tag of a batch once, in the order in which they come, whatever was in the batches before', () => {
  fc.assert(
    fc.property(batches, (all) => {
      const places = new TagPlaces();
      for (const samples of all.map(samplesOf)) {
        const distinct = [...new Set(samples.map(({ tag }) => tag))];
        expect(places.distinct(SampleColumns.of(samples).part())).toEqual(distinct);
        expect(samples.map(({ tag }) => places.placeOf(tag))).toEqual(samples.map(({ tag }) => distinct.indexOf(tag)));
      }
    }),
  );
});

it('changes nothing in the bytes of a batch', () => {
  const head = { gateway: 'g', stream: 'a', read: 0, filtered: 0, declared: [], previous: null, volatile: false };
  fc.assert(
    fc.property(batches, (all) => {
      const places = new TagPlaces();
      for (const [index, samples] of all.map(samplesOf).entries()) {
        const batch = { ...head, seq: index + 1, samples };
        expect(unpackBatch(encodePart(batch, SampleColumns.of(samples).part(), 'zstd', places)).toString()).toBe(
          encodeBatch(batch, 'none').toString(),
        );
      }
    }),
  );
});

it('knows tags that were made anew, and forgets those that are too many', () => {
  const places = new TagPlaces();
  for (let round = 0; round < 3; round++) {
    const samples = Array.from({ length: 60_000 }, (_, n) => {
      const tag: Tag = { device: 'plc', tag: `${n}`, type: 'bool' };
      return { tag, time: 0, value: true, quality: 0 };
    });
    expect(places.distinct(SampleColumns.of(samples).part()).length).toBe(samples.length);
    expect(places.placeOf(samples[59_999]?.tag as Tag)).toBe(59_999);
  }
});
