import { asRtuFrame, crcBytes, FramePort } from './frame-port.ts';

/** MBAP header without the unit id: transaction, protocol, length of what follows. */
export const headerBytes = 6;
/** Unit id, function code and at least one byte; at most unit id and a PDU of 253 bytes (Messaging on TCP/IP v1.0b). */
export const minLength = 3;
export const maxLength = 254;
/** So many replies still owed by one connection: it is not worth keeping. */
const maxAbandoned = 4_096;

const nothing = Buffer.alloc(0);

/** Modbus TCP: replies belong to requests by their 16-bit transaction id. */
export class TcpPort extends FramePort {
  readonly tellsReplies = true;
  private lastId = 0;
  /** Transaction id of the open request; -1: none is open. */
  private openId = -1;
  private asked = 0;
  /** Given up and not answered yet: these ids are not used again on this connection. */
  private readonly abandoned = new Set<number>();

  write(request: Buffer): void {
    this.openId = this.nextId();
    this.asked = request[0] ?? 0;
    const length = request.length - crcBytes;
    const frame = Buffer.allocUnsafe(headerBytes + length);
    frame.writeUInt16BE(this.openId, 0);
    frame.writeUInt16BE(0, 2);
    frame.writeUInt16BE(length, 4);
    request.copy(frame, headerBytes, 0, length);
    this.channel.write(frame);
  }

  abandon(): void {
    if (this.openId !== -1) this.abandoned.add(this.openId);
    this.openId = -1;
    if (this.abandoned.size > maxAbandoned) this.channel.end('it has left too many requests without an answer');
  }

  /** Late replies are known by their ids. */
  get unsettled(): boolean {
    return false;
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  private nextId(): number {
    do this.lastId = (this.lastId + 1) & 0xffff;
    while (this.abandoned.has(this.lastId));
    return this.lastId;
  }

  protected receive(chunk: Buffer): void {
    const all = this.received.length === 0 ? this.skipUnasked(chunk) : Buffer.concat([this.received, chunk]);
    const rest = this.takeFrames(all);
    // The channel reads its next bytes into where the chunk lies.
    this.received = rest.length === 0 ? nothing : Buffer.from(rest);
  }

  /** Gives what is left. */
  private takeFrames(all: Buffer): Buffer {
    let rest = all;
    while (rest.length >= headerBytes && this.isFrame(rest)) {
      const end = headerBytes + rest.readUInt16BE(4);
      if (rest.length < end) break;
      const frame = rest.subarray(0, end);
      rest = rest.length === end ? nothing : this.skipUnasked(rest.subarray(end));
      // Where no frame follows, this one was torn, and may end with the beginning of another.
      if (rest.length >= headerBytes && !this.isFrame(rest)) break;
      this.take(frame.readUInt16BE(0), frame.subarray(headerBytes));
    }
    return rest;
  }

  /** Ends the channel where it is none. */
  private isFrame(bytes: Buffer): boolean {
    if (isHeader(bytes)) return true;
    this.channel.end('it sent what is no Modbus TCP frame; is its link of another kind?');
    return false;
  }

  protected take(id: number, reply: Buffer): void {
    if (id !== this.openId) {
      this.abandoned.delete(id);
      this.onLate(false);
      return;
    }
    this.openId = -1;
    const said = reply.readUInt8(0);
    const isMeant = this.answersAs === 'any' || said === (this.answersAs ?? this.asked);
    // The library refuses what another unit says.
    this.emit('data', asRtuFrame(reply, isMeant ? this.asked : (this.asked + 1) & 0xff));
  }
}

/** Whether a header can be that of a reply: its protocol and its length. */
export function isHeader(bytes: Buffer): boolean {
  const length = bytes.readUInt16BE(4);
  return bytes.readUInt16BE(2) === 0 && length >= minLength && length <= maxLength;
}
