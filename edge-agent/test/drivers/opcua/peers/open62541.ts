/** Compiles, starts and tells the server of open62541_server.c; deploy/ci/open62541.sh brings the library. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, freePort, type Requirement, temporaryFolder } from '@fieldline/shared/testing';
import { afterEach, beforeAll } from 'vitest';
import { addTrusted } from '../../../../src/drivers/opcua/trust/trust-folder.ts';
import { type DeviceSettings, type Rig, trouble, useRigs } from '../harness.ts';
import { type Made, make } from '../made-certificates.ts';
import { startToldServer } from './told-server.ts';

const brought = fileURLToPath(new URL('../../../../../.fieldline/open62541/lib/pkgconfig', import.meta.url));
const source = fileURLToPath(new URL('open62541_server.c', import.meta.url));

/** One that the machine has goes before the one that was brought. */
const searchPath = [process.env.PKG_CONFIG_PATH ?? '', brought].join(delimiter);
const askPackages = (...args: string[]) =>
  spawnSync('pkg-config', args, { encoding: 'utf8', env: { ...process.env, PKG_CONFIG_PATH: searchPath } });

export const open62541: Requirement = {
  name: 'open62541',
  get skipReason() {
    if (findProgram('gcc') === null || findProgram('pkg-config') === null) return 'gcc or pkg-config is missing';
    const { status } = askPackages('--exists', 'open62541 >= 1.5');
    return status === 0 ? null : 'the library is missing: deploy/ci/open62541.sh brings it';
  },
};

let program: string | undefined;

function build(): string {
  if (program !== undefined) return program;
  const output = join(temporaryFolder(), 'open62541-server');
  const flags = askPackages('--cflags', '--libs', '--static', 'open62541').stdout.trim().split(/\s+/);
  const built = spawnSync('gcc', ['-D_DEFAULT_SOURCE', '-o', output, source, ...flags], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
  program = output;
  return output;
}

export type Open62541Settings = {
  readonly port?: number;
  readonly nodesPerRead?: number;
  readonly itemsPerCall?: number;
  /** The longest that it keeps a session of which it hears nothing. */
  readonly sessionMs?: number;
  /** The longest that the keys of a channel are good for. */
  readonly keysMs?: number;
  /** Whether it gives a subscription whose session is gone to the next one. */
  readonly transfers?: boolean;
  readonly namespaces?: readonly string[];
};

async function startOpen62541(made: Made, settings: Open62541Settings) {
  const port = settings.port ?? (await freePort());
  const { nodesPerRead = 0, itemsPerCall = 0, sessionMs = 3_600_000, keysMs = 600_000, transfers = true } = settings;
  const { namespaces = ['urn:plant'] } = settings;
  const limits = [nodesPerRead, itemsPerCall, sessionMs, keysMs].map(String);
  const args = [String(port), made.file, made.keyFile, ...limits, transfers ? 'transfer' : 'keep', ...namespaces];
  const server = await startToldServer<'trust' | `set ${string} ${number}` | `events ${number}`>(
    'open62541',
    build(),
    args,
  );
  return { port, endpoint: `opc.tcp://127.0.0.1:${port}`, ...server };
}

export type Open62541Server = Awaited<ReturnType<typeof startOpen62541>>;

export function passwordFile(password: string): string {
  const file = join(temporaryFolder(), 'password');
  writeFileSync(file, password);
  return file;
}

/** The only user that it knows. */
export const operator = { username: 'operator', passwordFile: passwordFile('secret') };

/** Servers that are killed after each test, and drivers that they let in. */
export function useOpen62541() {
  const rigFor = useRigs();
  const servers: Open62541Server[] = [];
  let made: Made;
  beforeAll(async () => {
    made = await make({ name: 'open62541 of the tests', uri: 'urn:plant:server', ip: ['127.0.0.1'] });
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.kill()));
  });
  return {
    serverWith: async (settings: Open62541Settings = {}): Promise<Open62541Server> => {
      const server = await startOpen62541(made, settings);
      servers.push(server);
      return server;
    },
    /** Of the server. */
    certificate: () => made.certificate,
    /** Each trusts the other, as their operators see to it. */
    trusting: async (server: Open62541Server, settings: Partial<DeviceSettings>): Promise<Rig> => {
      const rig = rigFor({ endpoint: server.endpoint, security: undefined, ...operator, tags: [], ...settings });
      addTrusted(rig.certificateFolder, made.certificate);
      await trouble(rig, /on the server, trust/);
      await server.tell('trust');
      return rig;
    },
  };
}
