/** Starts, tells, asks, stops and kills the server of node-opcua-server.ts. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { freePort, temporaryFolder } from '@fieldline/shared/testing';
import { afterEach } from 'vitest';
import { reapServer } from '../../../../../shared/src/testing/reaper.ts';

/** It gives what it was given, and `answer` as its status after `afterMs`. */
export type TestMethod = {
  readonly object: string;
  readonly name: string;
  readonly inputs: readonly { readonly name: string; readonly dataType: string; readonly isList?: boolean }[];
  readonly answer?: string;
  readonly afterMs?: number;
};

export type ServerSettings = {
  readonly port: number;
  /** Of its certificates. */
  readonly folder: string;
  /** Beyond those that every server has, in order of their index. */
  readonly namespaces: readonly string[];
  readonly nodes: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly dataType: string;
    readonly value?: unknown;
    /** How it takes writes; without it, anybody may. `answer` is a status, given after the value was taken. */
    readonly writing?: {
      readonly access?: 'CurrentRead' | 'CurrentWrite';
      readonly rank?: number;
      readonly answer?: string;
      readonly afterMs?: number;
    };
    readonly range?: { readonly low: number; readonly high: number };
    /** Whether its values are kept for clients that ask for the past. */
    readonly isRecorded?: boolean;
  }[];
  /** Of the object `s=<object>`, which is made for them. */
  readonly methods?: readonly TestMethod[];
  /** Whether there is an alarm `s=alarm` of the node `s=level`, active above 10. */
  readonly hasAlarm?: boolean;
  /** Alarms `s=<name>-alarm` that commands raise and end. */
  readonly alarms?: readonly string[];
  /** Name → password; absent: everyone may come in. */
  readonly users?: Readonly<Record<string, string>>;
  readonly trustEveryone: boolean;
  readonly itemsPerCall: number;
  readonly maxSessions?: number;
  /** What it calls itself in its endpoints; absent: as the machine is called. */
  readonly hostname?: string;
  /** Whether clients can read the limit above. */
  readonly tellLimits: boolean;
  /** Whether one anonymous session may take over the subscriptions of another without security. */
  readonly transferable: boolean;
};

/** `hasMore`: a status or a time came with the value. */
export type WrittenNode = { readonly node: string; readonly dataType: string | undefined; readonly hasMore: boolean };

export type CalledMethod = { readonly method: string; readonly object: string; readonly inputs: readonly string[] };

export type ServerCommand =
  | {
      readonly do: 'set';
      readonly name: string;
      readonly dataType: string;
      readonly value: unknown;
      readonly arrayType?: 'Array';
      readonly status?:
        | 'Good'
        | 'UncertainLastUsableValue'
        | 'UncertainSensorNotAccurate'
        | 'BadSensorFailure'
        | 'BadWaitingForInitialData';
      readonly overflow?: boolean;
      readonly sourceTimeMs: number;
    }
  /** Of the alarm of this name; raised, or over. `times`: it is said so often, at once. */
  | {
      readonly do: 'alarm';
      readonly name: string;
      readonly active: boolean;
      readonly message: string;
      readonly times?: number;
    }
  | { readonly do: 'add'; readonly node: ServerSettings['nodes'][number] }
  | { readonly do: 'delete'; readonly name: string }
  | { readonly do: 'add-method'; readonly method: TestMethod }
  /** What a server does with a session that it takes for dead. */
  | { readonly do: 'close-sessions'; readonly keepSubscriptions?: boolean }
  /** The messages that it keeps until they are acknowledged: it has them no more. */
  | { readonly do: 'forget-messages' }
  /** Numbers of the messages that it keeps until they are acknowledged. */
  | { readonly do: 'unacknowledged' }
  /** How many values its subscriptions have sent. */
  | { readonly do: 'values-sent' }
  | { readonly do: 'sessions' | 'subscriptions' | 'subscription-ids' }
  /** Every node that a client wrote, every method that it called so far. */
  | { readonly do: 'written' | 'called' };

export type TestServer = {
  readonly endpoint: string;
  readonly settings: ServerSettings;
  readonly ask: (command: ServerCommand) => Promise<unknown>;
  /** SIGSTOP: the connection stays open, nobody answers. */
  readonly freeze: () => void;
  readonly thaw: () => void;
  /** As a power cut would: nothing is said to anybody. */
  readonly kill: () => Promise<void>;
};

export async function startServer(options: Partial<ServerSettings> = {}): Promise<TestServer> {
  const settings: ServerSettings = {
    port: options.port ?? (await freePort()),
    folder: options.folder ?? temporaryFolder(),
    namespaces: ['urn:plant'],
    nodes: [],
    trustEveryone: true,
    itemsPerCall: 0,
    tellLimits: true,
    transferable: false,
    ...options,
  };
  const script = new URL('./node-opcua-server.ts', import.meta.url);
  const server = fork(script, [JSON.stringify(settings)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  });
  reapServer(server);
  await ready(server);
  let id = 0;
  const ask = async (command: ServerCommand): Promise<unknown> => {
    id += 1;
    const own = id;
    const answered = Promise.withResolvers<unknown>();
    const onMessage = (message: { id?: number; answer?: unknown; error?: string }): void => {
      if (message.id !== own) return;
      server.off('message', onMessage);
      if (message.error === undefined) answered.resolve(message.answer);
      else answered.reject(new Error(message.error));
    };
    server.on('message', onMessage);
    server.send({ id: own, command });
    return answered.promise;
  };
  return {
    endpoint: `opc.tcp://127.0.0.1:${settings.port}/plant`,
    settings,
    ask,
    freeze: () => server.kill('SIGSTOP'),
    thaw: () => server.kill('SIGCONT'),
    kill: async () => {
      if (server.exitCode !== null || server.signalCode !== null) return;
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
    },
  };
}

async function ready(server: ChildProcess): Promise<void> {
  const exited = once(server, 'exit').then(([code]) => {
    throw new Error(`the server ended with exit code ${code}`);
  });
  await Promise.race([once(server, 'message'), exited]);
  exited.catch(() => undefined);
}

/** Servers that are killed after each test. */
export function useNodeOpcua(): (settings: Partial<ServerSettings>) => Promise<TestServer> {
  const servers: TestServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.kill()));
  });
  return async (settings) => {
    const server = await startServer(settings);
    servers.push(server);
    return server;
  };
}
