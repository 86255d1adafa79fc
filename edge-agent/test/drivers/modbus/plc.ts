import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { lrc } from '../../../src/drivers/modbus/ports/ascii-port.ts';
import { crc16 } from '../../../src/drivers/modbus/ports/frame-port.ts';

export type Ask = { readonly unit: number; readonly code: number; readonly first: number; readonly count: number };

/** How one request is answered: `send` may be called at once, later, twice or never. */
export type Answer = (ask: Ask, reply: Reply) => void;

/** What bytes are written to, and what is cut. */
type Wire = { readonly write: (bytes: Buffer) => unknown; readonly destroy: () => unknown };

export type Reply = {
  /** A whole, right frame round the PDU (function code and what follows). */
  readonly send: (pdu: Buffer) => void;
  /** The frame that `send` would send; may be given other contents by the caller. */
  readonly frame: (pdu: Buffer) => Buffer;
  /** The request as it came, without unit id. */
  readonly asked: Buffer;
  readonly socket: Wire;
};

export type Plc = {
  readonly port: number;
  /** Every request that has come, in order. */
  readonly asks: Ask[];
  readonly connections: () => number;
  /** Stops listening and drops all connections. */
  readonly close: () => Promise<void>;
};

export type Framing = 'tcp' | 'rtu' | 'ascii';

/** A whole request at the beginning of these bytes: its unit id and PDU, its transaction id, and where it ends. */
type Found = { readonly adu: Buffer; readonly id: number | null; readonly end: number };

const finders: Record<Framing, (bytes: Buffer) => Found | null> = {
  tcp: (bytes) => {
    const end = bytes.length < 6 ? Number.POSITIVE_INFINITY : 6 + bytes.readUInt16BE(4);
    return bytes.length < end ? null : { adu: bytes.subarray(6, end), id: bytes.readUInt16BE(0), end };
  },
  rtu: (bytes) => (bytes.length < 8 ? null : { adu: bytes.subarray(0, 6), id: null, end: 8 }),
  ascii: (bytes) => {
    const end = bytes.indexOf('\r\n') + 2;
    return end === 1 ? null : { adu: Buffer.from(bytes.toString('latin1', 1, end - 4), 'hex'), id: null, end };
  },
};

export function frameOf(framing: Framing, id: number | null, adu: Buffer): Buffer {
  if (framing === 'rtu') return withChecksum(adu);
  if (framing === 'ascii') return asciiOf(adu);
  const header = Buffer.alloc(6);
  header.writeUInt16BE(id ?? 0, 0);
  header.writeUInt16BE(adu.length, 4);
  return Buffer.concat([header, adu]);
}

const asciiOf = (adu: Buffer): Buffer =>
  Buffer.from(
    `:${Buffer.concat([adu, Buffer.of(lrc(adu))])
      .toString('hex')
      .toUpperCase()}\r\n`,
  );

/** Answers what comes from one other end; gives what is to be called with its bytes. */
export function converse(framing: Framing, asks: Ask[], answer: Answer, wire: Wire) {
  let received: Buffer = Buffer.alloc(0);
  return (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk]);
    for (let found = finders[framing](received); found !== null; found = finders[framing](received)) {
      const { adu, id, end } = found;
      received = received.subarray(end);
      const [unit, code] = [adu.readUInt8(0), adu.readUInt8(1)];
      // A request for an identification is a byte shorter.
      const ask = {
        unit,
        code,
        first: adu.readUInt16BE(2),
        count: adu.length < 6 ? adu.readUInt8(4) : adu.readUInt16BE(4),
      };
      const frame = (pdu: Buffer): Buffer => frameOf(framing, id, Buffer.concat([Buffer.of(unit), pdu]));
      asks.push(ask);
      answer(ask, {
        frame,
        socket: wire,
        asked: Buffer.from(adu.subarray(1)),
        send: (pdu) => void wire.write(frame(pdu)),
      });
    }
  };
}

/** A Modbus device that does just what a test wants: our simulators and the library's server behave too well. */
export async function startPlc(
  answer: Answer,
  { framing = 'tcp', port = 0 }: { framing?: Framing; port?: number } = {},
): Promise<Plc> {
  const asks: Ask[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', converse(framing, asks, answer, socket));
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

/** One that speaks by datagrams; closed after the test. */
export async function startUdpPlc(answer: Answer): Promise<Pick<Plc, 'port' | 'asks'>> {
  const asks: Ask[] = [];
  const socket = createSocket('udp4');
  let isClosed = false;
  socket.on('message', (datagram, { address, port }) => {
    const write = (bytes: Buffer): void => {
      if (!isClosed) socket.send(bytes, port, address);
    };
    converse('tcp', asks, answer, { write, destroy: () => {} })(datagram);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => {
    isClosed = true;
    socket.close();
  });
  return { port: socket.address().port, asks };
}

/** One that dials in to the gateway and says who it is; hangs up after the test. */
export async function dialIn(port: number, framing: Framing, answer: Answer, says: readonly (string | Buffer)[] = []) {
  const asks: Ask[] = [];
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  onTestFinished(() => void socket.destroy());
  const closed = once(socket, 'close');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.on('data', converse(framing, asks, answer, socket));
  for (const text of says) socket.write(text);
  return { asks, socket, closed };
}

export function withChecksum(adu: Buffer): Buffer {
  const crc = Buffer.alloc(2);
  crc.writeUInt16LE(crc16(adu, 0, adu.length));
  return Buffer.concat([adu, crc]);
}

/** The PDU of a reply with these registers. */
export function registers({ code }: Pick<Ask, 'code'>, values: readonly number[]): Buffer {
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
