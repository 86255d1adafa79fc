/** A wire tap between a client and a broker: says which messages were sent to the client and which it acknowledged. */
import { connect, createServer, type Socket } from 'node:net';
import { listen } from '@fieldline/shared/runtime';

export type Tap = {
  readonly url: string;
  /** Packet ids of QoS 1 messages sent to the client on its newest connection, in order. */
  readonly delivered: () => readonly number[];
  /** Packet ids of its PUBACKs on its newest connection, in order. */
  readonly acknowledged: () => readonly number[];
  readonly inFlight: () => number;
  readonly connections: () => number;
  /** Ends the connection without a word to either side. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
};

const publish = 3;
const puback = 4;

export async function tap(brokerPort: number): Promise<Tap> {
  const sockets = new Set<Socket>();
  let delivered: number[] = [];
  let acknowledged: number[] = [];
  let connections = 0;
  const server = createServer((client) => {
    const broker = connect(brokerPort, '127.0.0.1');
    const mine = { delivered: [] as number[], acknowledged: [] as number[] };
    delivered = mine.delivered;
    acknowledged = mine.acknowledged;
    connections += 1;
    const fromBroker = frames((header, body) => {
      if (header >> 4 === publish && (header & 6) === 2)
        mine.delivered.push(body.readUInt16BE(2 + body.readUInt16BE(0)));
    });
    const fromClient = frames((header, body) => {
      if (header >> 4 === puback) mine.acknowledged.push(body.readUInt16BE(0));
    });
    broker.on('data', fromBroker);
    client.on('data', fromClient);
    broker.pipe(client);
    client.pipe(broker);
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        // Not destroyed: unread bytes would make it a reset, and the other side lose what it has not read yet.
        other.end();
        other.resume();
      });
    }
  });
  await listen(server, { host: '127.0.0.1', port: 0 });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `mqtt://127.0.0.1:${address.port}`,
    delivered: () => delivered,
    acknowledged: () => acknowledged,
    inFlight: () => delivered.length - acknowledged.length,
    connections: () => connections,
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

/** Splits a stream into packets (MQTT 3.1.1, 2.2): first byte, length in groups of seven bits, body. */
function frames(onFrame: (header: number, body: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      let length = 0;
      let at = 1;
      for (let shift = 0; ; shift += 7, at += 1) {
        const byte = rest[at];
        if (byte === undefined) return;
        length |= (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      const end = at + 1 + length;
      if (rest.length < end) return;
      onFrame(rest[0] ?? 0, rest.subarray(at + 1, end));
      rest = rest.subarray(end);
    }
  };
}
