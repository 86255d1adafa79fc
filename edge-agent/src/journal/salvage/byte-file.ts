import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** Read at one go, and kept while its neighbours are asked for: a batch lies in pages that mostly follow each other. */
const windowBytes = 256 * 1024;
const keptWindows = 4;
/** What a medium loses at least at once. */
const sectorBytes = 512;

/** A file, read in pieces: small in memory however large it is. What the medium does not give reads as zeros. */
export class ByteFile {
  readonly size: number;
  private readonly descriptor: number;
  private readonly windows = new Map<number, Buffer>();

  private constructor(descriptor: number, size: number) {
    this.descriptor = descriptor;
    this.size = size;
  }

  /** null where it is not there. @throws a system error where it cannot be opened */
  static open(path: string): ByteFile | null {
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    return size === undefined ? null : new ByteFile(openSync(path, 'r'), size);
  }

  /** Valid until it is asked again. null where the file ends before. */
  bytes(offset: number, length: number): Buffer | null {
    if (offset < 0 || offset + length > this.size) return null;
    const index = Math.floor(offset / windowBytes);
    const start = offset - index * windowBytes;
    if (start + length <= windowBytes) return this.window(index).subarray(start, start + length);
    const bytes = Buffer.alloc(length);
    this.fill(bytes, offset);
    return bytes;
  }

  close(): void {
    closeSync(this.descriptor);
    this.windows.clear();
  }

  private window(index: number): Buffer {
    const known = this.windows.get(index);
    if (known !== undefined) return known;
    const bytes = this.freeWindow();
    this.fill(bytes, index * windowBytes);
    this.windows.set(index, bytes);
    return bytes;
  }

  /** The memory of the oldest window, once all are taken. */
  private freeWindow(): Buffer {
    const [oldest] = this.windows;
    if (this.windows.size < keptWindows || oldest === undefined) return Buffer.alloc(windowBytes);
    this.windows.delete(oldest[0]);
    return oldest[1];
  }

  private fill(bytes: Buffer, offset: number): void {
    if (this.tryRead(bytes, 0, bytes.length, offset)) return;
    for (let at = 0; at < bytes.length; at += sectorBytes) {
      const isRead = this.tryRead(bytes, at, Math.min(sectorBytes, bytes.length - at), offset + at);
      if (!isRead) bytes.fill(0, at, at + sectorBytes);
    }
  }

  private tryRead(bytes: Buffer, at: number, length: number, offset: number): boolean {
    try {
      readSync(this.descriptor, bytes, at, length, offset);
      return true;
    } catch {
      return false;
    }
  }
}
