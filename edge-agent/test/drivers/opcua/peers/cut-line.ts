/** A line between client and server that a test can cut: both ends notice, neither can say good-bye. */
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '@fieldline/shared/testing';

export async function startLine(serverPort: number) {
  const port = await freePort();
  const sockets = new Set<Socket>();
  const line = createServer((client) => {
    const server = connect(serverPort, '127.0.0.1');
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    client.pipe(server).pipe(client);
  });
  await new Promise<void>((resolve) => line.listen(port, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port,
    cut,
    close: (): void => {
      cut();
      line.close();
    },
  };
}
