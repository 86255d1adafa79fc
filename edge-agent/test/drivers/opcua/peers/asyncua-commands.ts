/** Starts, asks and kills the server of asyncua_commands.py. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from '@fieldline/shared/testing';
import { reapServer } from '../../../../../shared/src/testing/reaper.ts';

export type CommandedSettings = {
  /** Of the namespace urn:plant, by their names; `level` counts on beside them. */
  readonly nodes: Readonly<Record<string, readonly [kind: string, value: unknown, isWritable: boolean]>>;
  /** Nodes of such types, by the names of their values; the first holds. */
  readonly enumerations?: Readonly<Record<string, readonly string[]>>;
  /** What a write is answered with, and how late; the value is taken all the same. */
  readonly behaviours?: Readonly<Record<string, { readonly answer?: string; readonly afterMs?: number }>>;
  readonly methods?: Readonly<
    Record<
      string,
      {
        readonly inputs: readonly (readonly [name: string, kind: string])[];
        readonly outputs?: readonly (readonly [name: string, kind: string])[];
        readonly answer?: string;
        readonly afterMs?: number;
      }
    >
  >;
};

/** One write or call, in the order in which they came. `alone`: a value without times. */
export type Noted = {
  readonly node: string;
  readonly type?: string;
  readonly value?: unknown;
  readonly alone?: boolean;
  readonly object?: number;
  readonly inputs?: readonly (readonly [kind: string, value: unknown])[];
};

export async function startCommanded(settings: CommandedSettings) {
  const port = await freePort();
  const script = fileURLToPath(new URL('./asyncua_commands.py', import.meta.url));
  const full = { behaviours: {}, enumerations: {}, methods: {}, ...settings, port };
  const server = spawn('python3', [script, JSON.stringify(full)], { stdio: ['pipe', 'pipe', 'inherit'] });
  reapServer(server);
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const answered = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the asyncua server ended');
    return value;
  };
  await answered();
  return {
    port,
    /** What clients wrote and called so far. */
    noted: async (): Promise<Noted[]> => {
      server.stdin.write('\n');
      return JSON.parse(await answered());
    },
    kill: async (): Promise<void> => {
      if (server.exitCode !== null || server.signalCode !== null) return;
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
    },
  };
}
