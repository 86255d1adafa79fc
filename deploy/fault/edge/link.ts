/** The link between a gateway and its broker: a TCP proxy that can be cut, and that can swallow what it is given. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type Link = {
  readonly port: number;
  readonly restore: () => void;
  /** Resets every connection; nobody gets through until `restore`. */
  readonly cut: () => void;
  /**
   * What is connected stays so and hears nothing more, ever; nor do those who connect until `restore`. Nobody is told:
   * no FIN, no RST.
   */
  readonly swallow: () => void;
  readonly close: () => Promise<void>;
};

type Mode = 'passes' | 'cut' | 'swallows';
type Pair = { readonly client: Socket; readonly broker: Socket | null; isDead: boolean };

export async function startLink(brokerPort: number): Promise<Link> {
  let mode: Mode = 'passes';
  const pairs = new Set<Pair>();
  const server = createServer((client) => {
    if (mode === 'cut') client.resetAndDestroy();
    else
      pairs.add(
        join(client, mode === 'swallows' ? null : connect(brokerPort, '127.0.0.1'), (pair) => pairs.delete(pair)),
      );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const end = (): void => {
    for (const { client, broker } of pairs) {
      client.resetAndDestroy();
      broker?.destroy();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    restore: () => {
      mode = 'passes';
    },
    cut: () => {
      mode = 'cut';
      end();
    },
    swallow: () => {
      mode = 'swallows';
      for (const pair of pairs) pair.isDead = true;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      end();
      await closed;
    },
  };
}

/** `broker`: null where nobody shall ever answer. */
function join(client: Socket, broker: Socket | null, onEnd: (pair: Pair) => void): Pair {
  const pair: Pair = { client, broker, isDead: broker === null };
  client.on('data', (bytes) => {
    if (!pair.isDead) broker?.write(bytes);
  });
  broker?.on('data', (bytes) => {
    if (!pair.isDead) client.write(bytes);
  });
  client.on('error', () => {});
  broker?.on('error', () => {});
  client.on('close', () => {
    broker?.destroy();
    onEnd(pair);
  });
  broker?.on('close', () => {
    if (!pair.isDead) client.resetAndDestroy();
  });
  return pair;
}
