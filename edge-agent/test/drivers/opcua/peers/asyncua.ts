/** Starts, tells and kills the server of asyncua_server.py; `pip install asyncua` brings what it needs. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort, type Requirement } from '@fieldline/shared/testing';
import { afterEach } from 'vitest';
import { reapServer } from '../../../../../shared/src/testing/reaper.ts';

const { status } = spawnSync('python3', ['-c', 'import asyncua'], { stdio: 'ignore' });

export const asyncua: Requirement = {
  name: 'asyncua',
  skipReason: status === 0 ? null : 'python3 with the package asyncua is missing: pip install asyncua',
};

export type AsyncuaNode = {
  readonly namespace: string;
  /** Absent: the name. The history takes numbers only. */
  readonly id?: number;
  readonly name: string;
  readonly dataType: string;
  readonly value: unknown;
};

export type AsyncuaSettings = {
  readonly port?: number;
  readonly namespaces: readonly string[];
  readonly nodes: readonly AsyncuaNode[];
  /** The namespace that gets the nodes of asyncua_types.py. */
  readonly types?: string;
  /** A file that keeps the history of all nodes over restarts. */
  readonly history?: string;
  /** Of one node, before an answer ends with a place to go on. */
  readonly valuesPerAnswer?: number;
  /** What asyncua_limits.py makes it refuse. */
  readonly limits?: {
    readonly nodesPerRead?: number;
    readonly itemsPerCall?: number;
    /** Of a subscription, and whether it says so. */
    readonly items?: number;
    readonly statesItems?: boolean;
    /** Of all sessions. 0: it has no such service. */
    readonly subscriptions?: number;
    /** That it grants, whatever was asked for. */
    readonly samplingMs?: number;
  };
  /** The endpoint of a discovery server that is told of it. */
  readonly registerWith?: string;
  /** Absent: none, and everybody may come in. */
  readonly security?: AsyncuaSecurity;
};

export type AsyncuaSecurity = {
  /** As asyncua names them. */
  readonly policies: readonly string[];
  readonly certificate?: string;
  readonly key?: string;
  readonly applicationUri?: string;
  readonly tokens?: readonly ('anonymous' | 'password' | 'certificate')[];
  readonly passwords?: Readonly<Record<string, string>>;
  readonly userCertificates?: readonly string[];
  /** Only clients whose certificate lies in `trusted` of this folder; others are put into `rejected` of it. */
  readonly clients?: string;
};

/** Integers beyond 2^53 go as they stand into the JSON: Python reads them exactly. */
export type AsyncuaValue = {
  readonly name: string;
  readonly dataType: string;
  readonly value: number | string | boolean | bigint;
  readonly sourceMicros: number;
  readonly status?: string;
};

/** One with a pressure is of the type PumpEvent, with a property of this name. */
export type AsyncuaEvent = {
  readonly namespace: string;
  readonly message: string;
  readonly severity: number;
  readonly micros: number;
  readonly pressure?: number;
};

export async function startAsyncua(settings: AsyncuaSettings) {
  const port = settings.port ?? (await freePort());
  const script = fileURLToPath(new URL('./asyncua_server.py', import.meta.url));
  const server = spawn('python3', [script, JSON.stringify({ ...settings, port })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  reapServer(server);
  const answers = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const answered = async (): Promise<unknown> => {
    const line = await answers.next();
    if (line.done) throw new Error('the asyncua server ended');
    return JSON.parse(line.value).answer;
  };
  await answered();
  const ask = async (line: string): Promise<unknown> => {
    server.stdin.write(`${line}\n`);
    return await answered();
  };
  const tell = async (line: string): Promise<void> => void (await ask(line));
  return {
    port,
    endpoint: `opc.tcp://127.0.0.1:${port}/plant`,
    set: ({ status = 'Good', value, ...rest }: AsyncuaValue): Promise<void> => {
      const line = JSON.stringify({ do: 'set', ...rest, status, value: typeof value === 'bigint' ? '@' : value });
      return tell(line.replace('"@"', String(value)));
    },
    add: (node: AsyncuaNode): Promise<void> => tell(JSON.stringify({ do: 'add', node })),
    event: (event: AsyncuaEvent): Promise<void> => tell(JSON.stringify({ do: 'event', ...event })),
    delete: (name: string): Promise<void> => tell(JSON.stringify({ do: 'delete', name })),
    /** Values in the history of a node. */
    recorded: async (name: string): Promise<number> => Number(await ask(JSON.stringify({ do: 'recorded', name }))),
    kill: async (): Promise<void> => {
      if (server.exitCode !== null || server.signalCode !== null) return;
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
    },
  };
}

export type AsyncuaServer = Awaited<ReturnType<typeof startAsyncua>>;

/** Servers that are killed after each test. */
export function useAsyncua(): (settings: AsyncuaSettings) => Promise<AsyncuaServer> {
  const servers: AsyncuaServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.kill()));
  });
  return async (settings) => {
    const server = await startAsyncua(settings);
    servers.push(server);
    return server;
  };
}
