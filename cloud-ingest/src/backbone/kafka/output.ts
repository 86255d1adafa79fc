/** The output of a decompressor of the LZ77 kind: literals, and copies of what was written before. */
export class Output {
  private bytes: Buffer;
  private length = 0;
  private readonly maxBytes: number;

  constructor(expectedBytes: number, maxBytes: number) {
    this.maxBytes = maxBytes;
    this.check(expectedBytes);
    this.bytes = Buffer.allocUnsafe(expectedBytes);
  }

  /** @throws RangeError: `source` ends before */
  literal(source: Buffer, from: number, count: number): void {
    if (from + count > source.length) throw new RangeError('compressed data end too early');
    this.reserve(count);
    source.copy(this.bytes, this.length, from, from + count);
    this.length += count;
  }

  /** The copy may overlap what it writes: that is how repetitions are said. */
  repeat(distance: number, count: number): void {
    if (distance === 0 || distance > this.length) throw new RangeError('compressed data refer to what is not there');
    this.reserve(count);
    for (let left = count; left > 0; ) {
      const step = Math.min(left, distance);
      this.bytes.copyWithin(this.length, this.length - distance, this.length - distance + step);
      this.length += step;
      left -= step;
    }
  }

  written = (): Buffer => this.bytes.subarray(0, this.length);

  private reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    this.check(needed);
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.bytes.length));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  private check(bytes: number): void {
    if (bytes > this.maxBytes) throw new RangeError(`compressed data become more than ${this.maxBytes} bytes`);
  }
}
