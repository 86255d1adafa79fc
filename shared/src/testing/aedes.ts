import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';

export type TestAedes = { readonly url: string; readonly port: number; readonly close: () => Promise<void> };

/** The embedded broker of the demonstration: MQTT 3.1.1, state in memory. */
export async function startAedes(options: { readonly port?: number } = {}): Promise<TestAedes> {
  const broker = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    broker.handle(socket);
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('no port was given'));
      else resolve(address.port);
    });
  });
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      await new Promise<void>((resolve) => broker.close(() => resolve()));
    },
  };
}
