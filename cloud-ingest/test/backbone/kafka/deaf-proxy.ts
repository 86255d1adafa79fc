import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export type DeafProxy = {
  /** From now on answers on the connections that are open get lost; new connections are as they should be. */
  readonly loseAnswers: () => void;
  readonly close: () => Promise<void>;
};

/** Between a client and a server on loopback: what a firewall does that has forgotten its connections. */
export async function startDeafProxy(port: number, serverPort: number): Promise<DeafProxy> {
  const pairs = new Set<{ inside: Socket; outside: Socket }>();
  const server = createServer((outside) => {
    const inside = connect(serverPort, '127.0.0.1');
    const pair = { inside, outside };
    pairs.add(pair);
    outside.pipe(inside);
    inside.pipe(outside);
    for (const socket of [inside, outside]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        pairs.delete(pair);
        inside.destroy();
        outside.destroy();
      });
    }
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    loseAnswers: () => {
      for (const { inside, outside } of pairs) {
        inside.unpipe(outside);
        inside.resume();
      }
    },
    close: async () => {
      for (const { inside } of pairs) inside.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
