import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { crc16 } from '../../../src/drivers/modbus/frame-port.ts';

export type Ask = { readonly unit: number; readonly code: number; readonly first: number; readonly count: number };

/** How one request is answered: `send` may be called at once, later, twice or never. */
export type Answer = (ask: Ask, reply: Reply) => void;

export type Reply = {
  /** A whole, right frame round the PDU (function code and what follows). */
  readonly send: (pdu: Buffer) => void;
  /** The frame that `send` would send; may be given other contents by the caller. */
  readonly frame: (pdu: Buffer) => Buffer;
  readonly socket: Socket;
};

export type Plc = {
  readonly port: number;
  /** Every request that has come, in order. */
  readonly asks: Ask[];
  readonly connections: () => number;
  /** Stops listening and drops all connections. */
  readonly close: () => Promise<void>;
};

/** A Modbus device that does just what a test wants: our simulators and the library's server behave too well. */
export async function startPlc(
  answer: Answer,
  { framing = 'tcp', port = 0 }: { framing?: 'tcp' | 'rtu'; port?: number } = {},
): Promise<Plc> {
  const asks: Ask[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const headBytes = framing === 'tcp' ? 6 : 0;
  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    let received: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const askBytes = framing === 'tcp' ? 12 : 8;
      for (; received.length >= askBytes; received = received.subarray(askBytes)) {
        const [unit, code] = [received.readUInt8(headBytes), received.readUInt8(headBytes + 1)];
        const ask = {
          unit,
          code,
          first: received.readUInt16BE(headBytes + 2),
          count: received.readUInt16BE(headBytes + 4),
        };
        const id = framing === 'tcp' ? received.readUInt16BE(0) : null;
        const frame = (pdu: Buffer): Buffer => frameOf(id, unit, pdu);
        asks.push(ask);
        answer(ask, { frame, socket, send: (pdu) => void socket.write(frame(pdu)) });
      }
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    asks,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function frameOf(id: number | null, unit: number, pdu: Buffer): Buffer {
  const adu = Buffer.concat([Buffer.of(unit), pdu]);
  if (id === null) return withChecksum(adu);
  const header = Buffer.alloc(6);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(adu.length, 4);
  return Buffer.concat([header, adu]);
}

export function withChecksum(adu: Buffer): Buffer {
  const crc = Buffer.alloc(2);
  crc.writeUInt16LE(crc16(adu, 0, adu.length));
  return Buffer.concat([adu, crc]);
}

/** The PDU of a reply with these registers. */
export function registers({ code }: Ask, values: readonly number[]): Buffer {
  const pdu = Buffer.alloc(2 + 2 * values.length);
  pdu.writeUInt8(code, 0);
  pdu.writeUInt8(2 * values.length, 1);
  for (const [index, value] of values.entries()) pdu.writeUInt16BE(value, 2 + 2 * index);
  return pdu;
}

export const exception = ({ code }: Ask, exceptionCode: number): Buffer => Buffer.of(code | 0x80, exceptionCode);

/** Each register holds its own address; those in `missing` do not exist. */
export const memory =
  (missing: ReadonlySet<number> = new Set()): Answer =>
  (ask, { send }) => {
    const addresses = Array.from({ length: ask.count }, (_, index) => ask.first + index);
    send(addresses.some((address) => missing.has(address)) ? exception(ask, 2) : registers(ask, addresses));
  };
