import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that a system gives to connections, and to servers that ask for any: one of those may be another's in the
 * moment after it was found free, and whoever waits for his own server there meets that of somebody else.
 */
export const freePorts = { first: 15_000, last: 31_999 } as const;
const attempts = 100;
const given = new Set<number>();

/** A loopback port that nothing listens on at the moment, and that this process was not given before. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = randomInt(freePorts.first, freePorts.last + 1);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`of ${attempts} ports between ${freePorts.first} and ${freePorts.last} none was free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
    await once(server.close(), 'close');
    return true;
  } catch {
    return false;
  }
}
