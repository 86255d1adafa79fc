import { createServer, connect as dial, type Socket } from 'node:net';

/** TCP between an agent and a broker, as a network would have it. */
export async function startRelay(toPort: number, port = 0) {
  const pairs: { readonly near: Socket; readonly far: Socket; isDead: boolean }[] = [];
  const server = createServer((near) => {
    const far = dial(toPort, '127.0.0.1');
    const pair = { near, far, isDead: false };
    pairs.push(pair);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => {});
      from.on('data', (bytes) => {
        if (!pair.isDead) to.write(bytes);
      });
      from.on('close', () => {
        if (!pair.isDead) to.destroy();
      });
    }
  });
  const relay = {
    port,
    /** Swallows what comes on the connections that are open, both ways and without a FIN, as a lost NAT entry does. */
    swallow: () => {
      for (const pair of pairs) pair.isDead = true;
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const { near, far } of pairs) {
        near.destroy();
        far.destroy();
      }
      await closed;
    },
  };
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  const address = server.address();
  relay.port = address !== null && typeof address === 'object' ? address.port : 0;
  return relay;
}
