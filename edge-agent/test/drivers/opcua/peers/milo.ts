/** Starts and tells the server of MiloServer.java; deploy/ci/milo.sh brings what it needs. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, type Requirement } from '@fieldline/shared/testing';
import { findProgram } from '../../../../../shared/src/testing/find-program.ts';
import { startToldServer } from './told-server.ts';

const jarFolder = fileURLToPath(new URL('../../../../../.fieldline/milo', import.meta.url));
const program = fileURLToPath(new URL('MiloServer.java', import.meta.url));

export const milo: Requirement = {
  name: 'milo',
  get skipReason() {
    if (findProgram('java') === null) return 'no java on the PATH: install Java 17';
    const isThere = existsSync(jarFolder) && readdirSync(jarFolder).some((file) => file.startsWith('milo-sdk-server-'));
    return isThere ? null : `no Milo in ${jarFolder}: deploy/ci/milo.sh brings it`;
  },
};

export type MiloSettings = { readonly nodesPerRead?: number; readonly itemsPerCall?: number };

export async function startMilo({ nodesPerRead = 10_000, itemsPerCall = 10_000 }: MiloSettings = {}) {
  const port = await freePort();
  const java = [
    '-Xmx256m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=off',
  ];
  const options = [port, nodesPerRead, itemsPerCall].map(String);
  const args = [...java, '-cp', join(jarFolder, '*'), program, ...options];
  const server = await startToldServer<'trust' | `set ${string} ${number}`>('Milo', 'java', args);
  return { port, endpoint: `opc.tcp://127.0.0.1:${port}/plant`, ...server };
}

export type MiloServer = Awaited<ReturnType<typeof startMilo>>;
