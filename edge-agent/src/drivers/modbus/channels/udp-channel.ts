import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { type Channel, lifeOf, unreachable } from './channel.ts';

/**
 * Datagrams to and from one address; what others send does not come through. Each call of the listener is one datagram.
 * @throws FieldlineError device/unreachable where the name has no address
 */
export async function openUdp(host: string, port: number): Promise<Channel> {
  const { address, family } = await lookup(host).catch((error: Error) => {
    throw unreachable(`cannot send to ${host}:${port}: ${error.message}`);
  });
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  const life = lifeOf((closed) => socket.close(closed));
  // "Nobody listens there" is said of a device that restarts too: its silence is what counts.
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNREFUSED') life.end(error.message);
  });
  await new Promise<void>((resolve, reject) => {
    void life.ended.then((reason) => reject(unreachable(`cannot send to ${host}:${port}: ${reason}`)));
    socket.connect(port, address, resolve);
  });
  return {
    ...life,
    // What becomes of a datagram is told by its reply alone.
    write: (bytes) => socket.send(bytes, () => {}),
    onBytes: (listener) => void socket.on('message', listener),
  };
}
