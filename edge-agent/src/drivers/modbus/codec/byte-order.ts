import type { AnyByteOrder, ByteOrder } from '@fieldline/shared/config';
import type { Read } from './read.ts';

/** For each order, byte n of the value in order ABCD stands at this byte of its registers. */
const positions: Readonly<Record<ByteOrder, (n: number, sizeBytes: number) => number>> = {
  ABCD: (n) => n,
  CDAB: (n, sizeBytes) => sizeBytes - 2 - n + 2 * (n & 1),
  BADC: (n) => n ^ 1,
  DCBA: (n, sizeBytes) => sizeBytes - 1 - n,
};

/** The long names spell it out: byte n is the nth letter of the alphabet. */
const positionOf = (order: AnyByteOrder, n: number, sizeBytes: number): number =>
  isShort(order) ? positions[order](n, sizeBytes) : order.indexOf('ABCDEFGH'.charAt(n));

const isShort = (order: AnyByteOrder): order is ByteOrder => order in positions;

/** Values are read one after another, never two at once, so all share one place to turn their bytes round in. */
const turned = Buffer.alloc(12);

/** `read` takes its bytes in the order ABCD. */
export function inOrder<Raw>(read: Read<Raw>, sizeBytes: number, order: AnyByteOrder): Read<Raw> {
  const from = Array.from({ length: sizeBytes }, (_, n) => positionOf(order, n, sizeBytes));
  if (from.every((position, n) => position === n)) return read;
  return (bytes, at) => {
    for (let n = 0; n < sizeBytes; n++) turned[n] = bytes[at + (from[n] ?? 0)] ?? 0;
    return read(turned, 0);
  };
}

/** The inverse: bytes in the order ABCD as they stand in the registers. */
export function intoOrder(bytes: Buffer, order: AnyByteOrder): Buffer {
  const placed = Buffer.alloc(bytes.length);
  for (const [n, byte] of bytes.entries()) placed[positionOf(order, n, bytes.length)] = byte;
  return placed;
}

/** Whether the two bytes of each register are swapped. */
export const swapsBytes = (order: AnyByteOrder): boolean => order.indexOf('A') % 2 === 1;
