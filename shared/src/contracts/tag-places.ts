import type { Tag } from './sample.ts';
import type { SamplePart } from './sample-columns.ts';

/** Tags known at once; beyond it all are forgotten, and those that come are learned anew. */
const mostTags = 100_000;
const firstRoom = 256;

/**
 * Which place each tag has among those of a batch. Tags are the same from batch to batch, so a table of them is kept: to make one
 * for each batch was a tenth of what an agent with a large plant leaves to be collected.
 */
export class TagPlaces {
  /** Of each tag, in the order in which they were first seen: where it stands in the two below. */
  private readonly numbers = new Map<Tag, number>();
  private places = new Int32Array(firstRoom);
  /** In which call of `distinct` that place was given. */
  private calls = new Int32Array(firstRoom);
  private call = 0;

  /** The tags of these samples, each once, in the order in which they come. */
  distinct({ columns, from, to }: SamplePart): Tag[] {
    if (this.numbers.size + to - from > mostTags) this.numbers.clear();
    this.call += 1;
    const tags = new Array<Tag>(to - from);
    let count = 0;
    for (let position = from; position < to; position++) {
      const tag = columns.tagAt(position);
      const number = this.numberOf(tag);
      if (this.calls[number] === this.call) continue;
      this.calls[number] = this.call;
      this.places[number] = count;
      tags[count] = tag;
      count += 1;
    }
    tags.length = count;
    return tags;
  }

  /** Where a tag stands in what `distinct` gave last. */
  placeOf(tag: Tag): number {
    return this.places[this.numberOf(tag)] ?? 0;
  }

  private numberOf(tag: Tag): number {
    const known = this.numbers.get(tag);
    if (known !== undefined) return known;
    const number = this.numbers.size;
    this.numbers.set(tag, number);
    if (number >= this.places.length) this.grow();
    // What was there was of a tag that is forgotten.
    this.calls[number] = 0;
    return number;
  }

  private grow(): void {
    const { places, calls } = this;
    this.places = new Int32Array(places.length * 2);
    this.calls = new Int32Array(places.length * 2);
    this.places.set(places);
    this.calls.set(calls);
  }
}
