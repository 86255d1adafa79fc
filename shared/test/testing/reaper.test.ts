import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';

const reaper = new URL('../../src/testing/reaper.ts', import.meta.url).href;
const folder = new URL('../../src/testing/temporary-folder.ts', import.meta.url).href;
const program = `
  import { spawn } from 'node:child_process';
  import { reapServer } from '${reaper}';
  import { temporaryFolder } from '${folder}';
  const server = spawn('sleep', ['600'], { stdio: 'ignore' });
  reapServer(server);
  console.log(JSON.stringify({ pid: server.pid, folder: temporaryFolder() }));
  setInterval(() => {}, 1000);
`;

const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('servers and folders of a process that is killed are gone soon after', async () => {
  const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  owner.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const left = await waitFor(() => JSON.parse(printed) as { pid: number; folder: string }, {
    what: 'the owner to start',
  });
  expect(alive(left.pid) && existsSync(left.folder)).toBe(true);
  owner.kill('SIGKILL');
  await waitFor(() => !alive(left.pid) && !existsSync(left.folder), { what: 'the reaper to end the server' });
});
