/** Starts, tells and kills the server of asyncua_server.py; `pip install asyncua` brings what it needs. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort, type Requirement } from '@fieldline/shared/testing';
import { reapServer } from '../../../../../shared/src/testing/reaper.ts';

const { status } = spawnSync('python3', ['-c', 'import asyncua'], { stdio: 'ignore' });

export const asyncua: Requirement = {
  name: 'asyncua',
  skipReason: status === 0 ? null : 'python3 with the package asyncua is missing: pip install asyncua',
};

export type AsyncuaSettings = {
  readonly port?: number;
  readonly namespaces: readonly string[];
  readonly nodes: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly dataType: string;
    readonly value: unknown;
  }[];
};

/** Integers beyond 2^53 go as they stand into the JSON: Python reads them exactly. */
export type AsyncuaValue = {
  readonly name: string;
  readonly dataType: string;
  readonly value: number | string | boolean | bigint;
  readonly sourceMicros: number;
  readonly status?: string;
};

export async function startAsyncua(settings: AsyncuaSettings) {
  const port = settings.port ?? (await freePort());
  const script = fileURLToPath(new URL('./asyncua_server.py', import.meta.url));
  const server = spawn('python3', [script, JSON.stringify({ ...settings, port })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  reapServer(server);
  const answers = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const answered = async (): Promise<void> => {
    if ((await answers.next()).done) throw new Error('the asyncua server ended');
  };
  await answered();
  return {
    port,
    endpoint: `opc.tcp://127.0.0.1:${port}/plant`,
    set: async ({ status = 'Good', value, ...rest }: AsyncuaValue): Promise<void> => {
      const line = JSON.stringify({ ...rest, status, value: typeof value === 'bigint' ? '@' : value });
      server.stdin.write(`${line.replace('"@"', String(value))}\n`);
      await answered();
    },
    kill: async (): Promise<void> => {
      if (server.exitCode !== null || server.signalCode !== null) return;
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
    },
  };
}
