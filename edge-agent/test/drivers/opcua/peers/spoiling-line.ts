/**
 * A line between client and server, without security, that spoils answers which hold given bytes: so that nobody can decode them, as
 * those of a server with a fault. All else goes through.
 */
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '@fieldline/shared/testing';

/** Numbers of the answers (OPC 10000-6 A.3), and of what a publish response holds. */
const types = { publish: 829, republish: 835 } as const;
const dataChange = Buffer.from([1, 0, 811 & 0xff, 811 >> 8]);
const headBytes = 24;

/** `what`: the values of an answer, or all of it. */
export type Spoils = {
  readonly marker: Buffer;
  readonly answers: readonly (keyof typeof types)[];
  readonly what: 'values' | 'all';
};

export async function startSpoilingLine(serverPort: number, { marker, answers, what }: Spoils) {
  const port = await freePort();
  const sockets = new Set<Socket>();
  const numbers = answers.map((answer) => types[answer]);
  let spoilt = 0;

  const spoil = (chunk: Buffer): void => {
    const at = chunk.indexOf(dataChange);
    if (chunk.toString('latin1', 0, 4) !== 'MSGF' || at < 0 || !chunk.includes(marker)) return;
    const number: number = chunk.readUInt16LE(headBytes + 2);
    if (!numbers.some((each) => each === number)) return;
    // More values than the answer has; or a node id of a kind that there is not.
    if (what === 'values') chunk.writeInt32LE(0xff_ffff, at + dataChange.length + 5);
    else chunk[at] = 0x3f;
    spoilt += 1;
  };

  const line = createServer((client) => {
    const server = connect(serverPort, '127.0.0.1');
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    client.pipe(server);
    let waiting: Buffer = Buffer.alloc(0);
    server.on('data', (bytes) => {
      waiting = Buffer.concat([waiting, bytes]);
      while (waiting.length >= 8 && waiting.length >= waiting.readUInt32LE(4)) {
        const chunk = waiting.subarray(0, waiting.readUInt32LE(4));
        waiting = waiting.subarray(chunk.length);
        spoil(chunk);
        client.write(chunk);
      }
    });
    server.on('end', () => client.end());
    client.on('end', () => server.end());
  });
  await new Promise<void>((resolve) => line.listen(port, '127.0.0.1', resolve));
  return {
    port,
    spoilt: () => spoilt,
    close: (): void => {
      for (const socket of sockets) socket.destroy();
      line.close();
    },
  };
}
