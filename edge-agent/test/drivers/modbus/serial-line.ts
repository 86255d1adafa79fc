import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, type Requirement, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { ServerSerial } from 'modbus-serial';
import { onTestFinished } from 'vitest';

const socat = findProgram('socat');
export const pair: Requirement = {
  name: 'socat',
  skipReason: socat === null ? 'not installed: apt-get install socat' : null,
};

/** Two ends of a serial line. */
export async function startLine(folder = temporaryFolder()) {
  const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
  const line = spawn(socat ?? '', [`pty,rawer,link=${ours}`, `pty,rawer,link=${theirs}`], { stdio: 'ignore' });
  const cut = async (): Promise<void> => {
    line.kill();
    await waitFor(() => !existsSync(ours) && !existsSync(theirs), { what: 'the pseudo-terminals to be gone' });
  };
  onTestFinished(() => void line.kill());
  await waitFor(() => existsSync(ours) && existsSync(theirs), { what: 'the pair of pseudo-terminals' });
  return { folder, ours, theirs, cut };
}

/** The serial server of the library, which knows nothing of our frames; as unit 255 it answers for every unit. */
export async function startSlaves(path: string): Promise<void> {
  const server = new ServerSerial(
    {
      getHoldingRegister: (address: number, unit: number) => unit * 1_000 + address,
      getCoil: (address: number) => address === 3,
    },
    { path, baudRate: 115_200, unitID: 255 },
  );
  await once(server, 'initialized');
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
}
