/** A line between client and server that a test can cut, keep down or make lose what the server says. */
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '@fieldline/shared/testing';

export async function startLine(serverPort: number) {
  const port = await freePort();
  const sockets = new Set<Socket>();
  let isDown = false;
  let isLosing = false;
  let connections = 0;
  const fromClients: Buffer[] = [];
  const line = createServer((client) => {
    if (isDown) {
      client.destroy();
      return;
    }
    connections += 1;
    const server = connect(serverPort, '127.0.0.1');
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('data', (bytes) => fromClients.push(Buffer.from(bytes)));
    client.pipe(server);
    server.on('data', (bytes) => {
      if (!isLosing) client.write(bytes);
    });
    server.on('end', () => client.end());
  });
  await new Promise<void>((resolve) => line.listen(port, '127.0.0.1', resolve));
  /** Both ends notice, neither can say good-bye. */
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
    isLosing = false;
  };
  return {
    port,
    connections: () => connections,
    cut,
    /** Cut, and nobody gets through until `restore`. */
    takeDown: (): void => {
      isDown = true;
      cut();
    },
    restore: (): void => {
      isDown = false;
    },
    /** What the server says is lost on the way until the line is cut; the server believes that it was sent. */
    lose: (): void => {
      isLosing = true;
    },
    /** All that clients sent: what anybody on the network could have read. */
    carried: (): Buffer => Buffer.concat(fromClients),
    close: (): void => {
      cut();
      line.close();
    },
  };
}

export type Line = Awaited<ReturnType<typeof startLine>>;
