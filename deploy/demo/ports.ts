import { createServer } from 'node:net';
import { listen } from '@fieldline/shared/runtime';
import { freePort } from '@fieldline/shared/testing/free-port';

/**
 * Tries the port once, so that a port in use is told before anything is started.
 * @throws FieldlineError port/in-use
 */
export async function assertFree(port: number): Promise<void> {
  const server = createServer();
  await listen(server, { host: '127.0.0.1', port });
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

/** The port that the example names, where nobody has it; else a free one. */
export async function portLike(preferred: number): Promise<number> {
  try {
    await assertFree(preferred);
    return preferred;
  } catch {
    return freePort();
  }
}
