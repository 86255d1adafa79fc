/** A Modbus TCP client that is only a socket: it sends what it is told, byte by byte if need be. */
import { connect } from 'node:net';
import { waitFor } from '@fieldline/shared/testing';

export type RawClient = {
  readonly send: (bytes: Buffer) => void;
  /** Resolves to so many bytes, or rejects when the server closes before. */
  readonly receive: (count: number) => Promise<Buffer>;
  readonly received: () => Buffer;
  readonly isClosed: () => boolean;
  readonly close: () => void;
};

export async function connectRaw(port: number): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1');
  let received: Buffer = Buffer.alloc(0);
  let isClosed = false;
  socket.setNoDelay(true);
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes]);
  });
  socket.on('close', () => {
    isClosed = true;
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  return {
    send: (bytes) => void socket.write(bytes),
    receive: async (count) => {
      await waitFor(() => received.length >= count || isClosed, { what: `${count} bytes` });
      if (received.length < count) throw new Error('the server closed the connection');
      const bytes = received.subarray(0, count);
      received = received.subarray(count);
      return bytes;
    },
    received: () => received,
    isClosed: () => isClosed,
    close: () => void socket.destroy(),
  };
}

/** A request as it goes over TCP. */
export function mbap(transaction: number, unit: number, pdu: readonly number[]): Buffer {
  const header = Buffer.alloc(7);
  header.writeUInt16BE(transaction, 0);
  header.writeUInt16BE(pdu.length + 1, 4);
  header[6] = unit;
  return Buffer.concat([header, Buffer.from(pdu)]);
}

/** Sends a PDU and gives that of the answer, both in hex. */
export async function ask(client: RawClient, unit: number, hex: string): Promise<string> {
  client.send(mbap(1, unit, [...Buffer.from(hex, 'hex')]));
  const header = await client.receive(7);
  return (await client.receive(header.readUInt16BE(4) - 1)).toString('hex');
}
