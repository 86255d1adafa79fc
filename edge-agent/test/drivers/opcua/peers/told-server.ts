import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { reapServer } from '../../../../../shared/src/testing/reaper.ts';

export type ToldServer<Order extends string> = {
  /** Resolves when the server has done it. */
  readonly tell: (order: Order) => Promise<void>;
  readonly kill: () => Promise<void>;
};

/** A program that writes a line when it is ready, and one for each order that it has carried out; an order is a line too. */
export async function startToldServer<Order extends string>(
  name: string,
  program: string,
  args: readonly string[],
): Promise<ToldServer<Order>> {
  const server = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  reapServer(server);
  const answers = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const answered = async (): Promise<void> => {
    if ((await answers.next()).done) throw new Error(`the server of ${name} ended`);
  };
  await answered();
  return {
    tell: async (order) => {
      server.stdin.write(`${order}\n`);
      await answered();
    },
    kill: async () => {
      if (server.exitCode !== null || server.signalCode !== null) return;
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
    },
  };
}
