/** Starts the servers of pymodbus_server.py and pymodbus_types.py, and the client of pymodbus_client.py; `pip install pymodbus[serial]` brings what it needs. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Requirement } from '@fieldline/shared/testing';
import { onTestFinished } from 'vitest';
import { reapServer } from '../../../../../shared/src/testing/reaper.ts';

const needed = 'from pymodbus.datastore import ModbusDeviceContext; import serial';
const { status } = spawnSync('python3', ['-c', needed], { stdio: 'ignore' });

export const pymodbus: Requirement = {
  name: 'pymodbus',
  skipReason: status === 0 ? null : 'python3 with pymodbus 3.11 is missing: pip install "pymodbus[serial]==3.11.4"',
};

export type PymodbusSettings = {
  readonly comm: 'tcp' | 'udp' | 'serial';
  readonly framer: 'socket' | 'rtu' | 'ascii';
  readonly port: number | string;
  /** Holding registers that it refuses. */
  readonly missing?: readonly number[];
  /** A file that gets a line for each request, e.g. `0+100`. */
  readonly requests?: string;
};

/** Ends with the test. */
export const startPymodbus = (settings: PymodbusSettings): Promise<void> => start('pymodbus_server.py', settings);
/** One with registers of many types; it ends with the test too. */
export const startPymodbusTypes = (port: number): Promise<void> => start('pymodbus_types.py', { port });

/** What pymodbus reads of a server with registers of many types, after tags were written to it. */
export function readWritten(port: number): unknown {
  const script = fileURLToPath(new URL('pymodbus_client.py', import.meta.url));
  return JSON.parse(spawnSync('python3', [script, String(port)]).stdout.toString());
}

async function start(file: string, settings: object): Promise<void> {
  const script = fileURLToPath(new URL(file, import.meta.url));
  const server = spawn('python3', [script, JSON.stringify(settings)], { stdio: ['ignore', 'pipe', 'inherit'] });
  reapServer(server);
  onTestFinished(() => void server.kill('SIGKILL'));
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  if (line !== 'listening') throw new Error(`the pymodbus server said: ${line}`);
}
