import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { generate, type Packet, parser } from 'mqtt-packet';

export type Limits = {
  /** CONNACK reason; 0 takes the session. */
  readonly connectReason: number;
  readonly receiveMaximum: number;
  readonly serverKeepAlive?: number;
  /** Reason of the answer to a publish; null gives none. */
  readonly answer: (topic: string) => number | null;
};

/** What comes meanwhile comes while a publish is unanswered: longer than a busy machine takes for all that a client may send at once. */
const answersAfterMs = 50;

/** MQTT 5 with what Mosquitto cannot be made to do: answers with limits, and a witness that they are kept to. */
export async function startLimitedBroker(limits: Limits) {
  const seen = {
    connects: 0,
    publishes: [] as string[] /** Of each session. */,
    mostUnanswered: [] as number[],
    pings: 0,
  };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    const send = (packet: Packet): void => void socket.write(generate(packet, { protocolVersion: 5 }));
    const parse = parser({ protocolVersion: 5 });
    let unanswered = 0;
    const session = seen.mostUnanswered.push(0) - 1;
    socket.on('data', (bytes) => parse.parse(bytes));
    parse.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connect') {
        seen.connects += 1;
        const { connectReason, receiveMaximum, serverKeepAlive } = broker.limits;
        const properties = { receiveMaximum, ...(serverKeepAlive === undefined ? {} : { serverKeepAlive }) };
        send({ cmd: 'connack', sessionPresent: false, reasonCode: connectReason, properties });
        if (connectReason !== 0) socket.end();
      }
      if (packet.cmd === 'pingreq') {
        seen.pings += 1;
        send({ cmd: 'pingresp' });
      }
      if (packet.cmd === 'subscribe') send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [1] });
      if (packet.cmd !== 'publish') return;
      seen.publishes.push(packet.topic);
      unanswered += 1;
      seen.mostUnanswered[session] = Math.max(seen.mostUnanswered[session] ?? 0, unanswered);
      const reasonCode = broker.limits.answer(packet.topic);
      if (reasonCode === null) return;
      setTimeout(() => {
        unanswered -= 1;
        send({ cmd: 'puback', messageId: packet.messageId ?? 0, reasonCode });
      }, answersAfterMs);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const broker = {
    url: `mqtt://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`,
    seen,
    limits,
    /** Ends the sessions with a DISCONNECT. */
    disconnect: (reasonCode: number) => {
      for (const socket of sockets) socket.end(generate({ cmd: 'disconnect', reasonCode }, { protocolVersion: 5 }));
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return broker;
}
