/** Starts, tells and kills the server of asyncua_plant.py. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from '@fieldline/shared/testing';
import { onTestFinished } from 'vitest';
import { reapServer } from '../../../../../shared/src/testing/reaper.ts';

export type PlantNode = {
  /** From the Objects folder; each stands behind those above it. */
  readonly path: string;
  /** Of an object. */
  readonly type?: string;
  readonly folder?: boolean;
  /** Of its browse name and its node id; urn:plant unless it is stated. */
  readonly namespace?: string;
  /** Of a variable. */
  readonly kind?: string;
  readonly value?: unknown;
  readonly unit?: string;
  readonly range?: readonly [number, number];
};

export type PlantSettings = {
  readonly port?: number;
  readonly namespaces?: readonly string[];
  readonly types?: readonly {
    readonly name: string;
    readonly parent?: string;
    readonly variables: Readonly<Record<string, readonly [kind: string, value: unknown]>>;
  }[];
  readonly nodes?: readonly PlantNode[];
  /** Organizes from the first to the second, beside those that the paths make. */
  readonly references?: readonly (readonly [string, string])[];
};

type PlantCommand =
  | ({ readonly do: 'add' } & PlantNode)
  | { readonly do: 'remove'; readonly path: string }
  | { readonly do: 'write'; readonly path: string; readonly kind: string; readonly value: unknown };

/** Killed when the test is over. */
export async function startPlant(settings: PlantSettings) {
  const port = settings.port ?? (await freePort());
  const script = fileURLToPath(new URL('./asyncua_plant.py', import.meta.url));
  const server = spawn('python3', [script, JSON.stringify({ namespaces: ['urn:plant'], ...settings, port })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  reapServer(server);
  const answers = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const answered = async (): Promise<void> => {
    if ((await answers.next()).done) throw new Error('the asyncua server ended');
  };
  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  await answered();
  return {
    port,
    endpoint: `opc.tcp://127.0.0.1:${port}/plant`,
    tell: async (command: PlantCommand): Promise<void> => {
      server.stdin.write(`${JSON.stringify(command)}\n`);
      await answered();
    },
    kill,
  };
}
