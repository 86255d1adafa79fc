/** How requests lie in a stream of bytes. TCP and serial lines may split and join them at any byte. */
export type Request = {
  readonly unit: number;
  readonly pdu: Buffer;
  /** The bytes that carry an answer to this request. */
  readonly reply: (pdu: Buffer) => Buffer;
};

export interface Framing {
  push(bytes: Buffer): void;
  /** The next complete request; null until there is one; `broken` where the stream cannot be read any further. */
  next(): Request | null | 'broken';
  /** Bytes that wait. */
  readonly size: number;
  /** The line has been silent: what waits will not be completed. */
  silence(): Request | null;
}
