import { createServer } from 'node:net';
import { FieldlineError, isFieldlineError } from '@fieldline/shared/contracts';
import { listen } from '@fieldline/shared/runtime';
import { freePort } from '@fieldline/shared/testing/free-port';

/**
 * Tries the port once, so that a port in use is told before anything is started; `remedy` is what to do then.
 * @throws FieldlineError port/in-use
 */
export async function assertFree(port: number, remedy: string): Promise<void> {
  const server = createServer();
  await listen(server, { host: '127.0.0.1', port }).catch((error: unknown) => {
    if (!isFieldlineError(error, 'port/in-use')) throw error;
    throw new FieldlineError('port/in-use', `${error.message}: ${remedy}`, { cause: error });
  });
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

/** The port that the example names, where nobody has it; else a free one. */
export async function portLike(preferred: number): Promise<number> {
  try {
    await assertFree(preferred, 'another is taken');
    return preferred;
  } catch {
    return freePort();
  }
}
