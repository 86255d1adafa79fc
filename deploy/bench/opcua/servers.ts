/** Simulated OPC UA servers in a process of their own, which can be killed and started again. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@fieldline/shared/testing/free-port';
import { reapServer } from '@fieldline/shared/testing/reaper';

export type Size = { readonly servers: number; readonly nodesPerServer: number };

export type Servers = {
  /** As the settings of an agent. */
  readonly devices: readonly unknown[];
  /** Of the process that runs now. */
  readonly pid: () => number;
  /** Killed as by a power cut, and started again. */
  readonly restart: () => Promise<void>;
  readonly close: () => Promise<void>;
};

const program = fileURLToPath(new URL('servers-process.ts', import.meta.url));
const namespace = 'urn:fieldline:bench';
/**
 * A value has changed once in about a second, as in a plant not all in one instant: groups of nodes change each in a time of their own,
 * so that their moments drift past each other.
 */
const groups = 20;
const everyMsOf = (index: number): number => 1_000 + 5 * ((index % groups) - groups / 2);

export async function startServers(size: Size, publishingMs: number, folder: string): Promise<Servers> {
  const ports: number[] = [];
  for (let server = 0; server < size.servers; server++) ports.push(await freePort());
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'plant.json'), JSON.stringify(plantOf(size, ports)));
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = fork(program, [folder]);
    reapServer(child);
    const died = once(child, 'exit').then((): never => {
      throw new Error('the servers did not stay up');
    });
    await Promise.race([once(child, 'message'), died]);
    // At the end it is wanted, and nobody waits for it.
    died.catch(() => {});
  };
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    devices: ports.map((port, server) => deviceOf(size, server, port, publishingMs)),
    pid: () => child.pid ?? 0,
    restart: async () => {
      await stop();
      await start();
    },
    close: stop,
  };
}

const plantOf = ({ nodesPerServer }: Size, ports: readonly number[]) => ({
  plant: 'bench',
  servers: ports.map((port, server) => ({
    protocol: 'opcua',
    name: `server-${server + 1}`,
    port,
    namespace,
    nodes: Array.from({ length: nodesPerServer }, (_, index) => ({
      name: `n${index}`,
      everyMs: everyMsOf(index),
      // Another value each time: a server tells of none that is like the one before.
      signal: { kind: 'sine', mean: 30_000, amplitude: 20_000, periodMs: 30_000 + (index % 100) * 500, phase: 0.123 },
    })),
  })),
});

const deviceOf = ({ nodesPerServer }: Size, server: number, port: number, publishingMs: number) => ({
  device: `server-${server + 1}`,
  protocol: 'opcua',
  endpoint: `opc.tcp://127.0.0.1:${port}/fieldline`,
  security: { policy: 'None', mode: 'None' },
  publishingMs,
  // Every change, at once.
  samplingMs: 0,
  tags: Array.from({ length: nodesPerServer }, (_, index) => ({
    tag: `n${index}`,
    node: `nsu=${namespace};s=n${index}`,
    type: 'float64',
  })),
});
