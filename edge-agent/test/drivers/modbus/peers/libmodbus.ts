/**
 * The server with which libmodbus tests itself, built from the example in its Debian package. It listens on a port and opens a
 * device that are fixed in its source; macros put what the environment says in their place.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, type Requirement, temporaryFolder } from '@fieldline/shared/testing';
import { onTestFinished } from 'vitest';
import { reapServer } from '../../../../../shared/src/testing/reaper.ts';

const source = '/usr/share/doc/libmodbus-dev/examples/unit-test-server.c';
const compiler = findProgram('gcc');

export const libmodbus: Requirement = {
  name: 'libmodbus',
  skipReason:
    compiler !== null && existsSync(source) && existsSync('/usr/include/modbus/modbus.h')
      ? null
      : 'its test server cannot be built: apt-get install libmodbus-dev gcc libc6-dev',
};

let program: string | undefined;

function build(): string {
  if (program !== undefined) return program;
  const output = join(temporaryFolder(), 'libmodbus-server');
  const wrapped = `
#include <modbus.h>
#include <stdlib.h>
#define modbus_new_tcp(host, port) modbus_new_tcp(host, atoi(getenv("MODBUS_PORT")))
#define modbus_new_rtu(path, ...) modbus_new_rtu(getenv("MODBUS_PATH"), __VA_ARGS__)
#include "${source}"
`;
  const options = ['-I/usr/include/modbus', '-w', '-o', output, '-x', 'c', '-', '-lmodbus'];
  const built = spawnSync(compiler ?? '', options, { encoding: 'utf8', input: wrapped });
  if (built.status !== 0) throw new Error(built.stderr);
  program = output;
  return output;
}

/** Its unit is 17 on a serial line. It ends with its connection, and is started anew until the test has ended. */
export function startLibmodbus(backend: 'tcp' | 'rtu', at: { readonly port?: number; readonly path?: string }): void {
  const command = build();
  let isOver = false;
  let end = (): void => {};
  const start = (): void => {
    const env = { ...process.env, MODBUS_PORT: String(at.port ?? ''), MODBUS_PATH: at.path ?? '' };
    const server = spawn(command, [backend], { stdio: 'ignore', env });
    reapServer(server);
    end = () => void server.kill('SIGKILL');
    server.once('exit', () => {
      if (!isOver) start();
    });
  };
  start();
  onTestFinished(() => {
    isOver = true;
    end();
  });
}
