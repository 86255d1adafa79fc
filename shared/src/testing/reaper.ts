/**
 * Servers and folders that must not outlive this process, however it ends: SIGKILL included.
 *
 * One shell per process reads on its standard input what to end. When that pipe closes, this process is gone; the shell
 * then ends the servers and removes the folders. It leads a session of its own, so Ctrl-C does not reach it first.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

const script = `
trap '' INT TERM HUP
servers=''
while read -r verb what; do
  case $verb in
    server) servers="$servers $what" ;;
    gone) rest=''; for server in $servers; do [ "$server" = "$what" ] || rest="$rest $server"; done; servers=$rest ;;
    folder) folders="$folders
$what" ;;
    mount) mounts="$mounts
$what" ;;
  esac
done
for server in $servers; do kill -s "\${server#*:}" "\${server%:*}" 2>/dev/null; done
[ -z "$servers" ] || sleep 1
printf '%s\\n' "$mounts" | while read -r mount; do [ -z "$mount" ] || umount --lazy "$mount" 2>/dev/null; done
printf '%s\\n' "$folders" | while read -r folder; do [ -z "$folder" ] || rm -rf "$folder"; done
`;

let pipe: Writable | undefined;

function tell(line: string): void {
  if (pipe === undefined) {
    const shell = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    shell.unref();
    shell.on('error', () => {});
    shell.stdin.on('error', () => {});
    // The pipe alone must not keep this process alive.
    if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref();
    pipe = shell.stdin;
  }
  pipe.write(`${line}\n`);
}

/** Ends the server with this process; `signal` is the one that makes it leave at once. */
export function reapServer(server: ChildProcess, signal: 'KILL' | 'QUIT' | 'TERM' = 'KILL'): void {
  const { pid } = server;
  if (pid === undefined) return;
  tell(`server ${pid}:${signal}`);
  server.once('exit', () => tell(`gone ${pid}:${signal}`));
}

/** Removes the folder after this process. */
export const reapFolder = (folder: string): void => tell(`folder ${folder}`);

/** Unmounts it after this process, if it is still there. */
export const reapMount = (folder: string): void => tell(`mount ${folder}`);
