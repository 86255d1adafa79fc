import { crc16, FramePort } from './frame-port.ts';

/** MBAP header without the unit id: transaction, protocol, length of what follows. */
const headerBytes = 6;
/** Unit id, function code and at least one byte; at most unit id and a PDU of 253 bytes (Messaging on TCP/IP v1.0b). */
const minLength = 3;
const maxLength = 254;
const crcBytes = 2;
/** So many replies still owed by one connection: it is not worth keeping. */
const maxAbandoned = 4_096;

/** Modbus TCP: replies belong to requests by their 16-bit transaction id. */
export class TcpPort extends FramePort {
  private lastId = 0;
  /** Transaction id of the open request; -1: none is open. */
  private openId = -1;
  /** Given up and not answered yet: these ids are not used again on this connection. */
  private readonly abandoned = new Set<number>();

  write(request: Buffer): void {
    this.openId = this.nextId();
    const length = request.length - crcBytes;
    const frame = Buffer.allocUnsafe(headerBytes + length);
    frame.writeUInt16BE(this.openId, 0);
    frame.writeUInt16BE(0, 2);
    frame.writeUInt16BE(length, 4);
    request.copy(frame, headerBytes, 0, length);
    this.channel.stream.write(frame);
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
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    while (this.received.length >= headerBytes) {
      const length = this.received.readUInt16BE(4);
      if (this.received.readUInt16BE(2) !== 0 || length < minLength || length > maxLength) {
        this.channel.end('it sent what is no Modbus TCP frame; is its link of another kind?');
        return;
      }
      const end = headerBytes + length;
      if (this.received.length < end) return;
      const frame = this.received;
      this.received = frame.subarray(end);
      this.take(frame.readUInt16BE(0), frame.subarray(headerBytes, end));
    }
  }

  /** The library wants the checksum of a serial line, which TCP does without. */
  private take(id: number, reply: Buffer): void {
    if (id !== this.openId) {
      this.abandoned.delete(id);
      this.onLate();
      return;
    }
    this.openId = -1;
    const frame = Buffer.allocUnsafe(reply.length + crcBytes);
    reply.copy(frame);
    frame.writeUInt16LE(crc16(reply, 0, reply.length), reply.length);
    this.emit('data', frame);
  }
}
