import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, type Requirement, temporaryFolder, waitFor } from '@fieldline/shared/testing';
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
