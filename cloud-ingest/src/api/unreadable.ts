/** What Node cannot read as a request, or does not want to for its length, has no route and no reply: it is answered by hand. */
import { maxHeaderSize, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { answerOf, type Problem, RequestError, unexpected } from './problem.ts';

export function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(error);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'content-type: application/problem+json',
    'x-content-type-options: nosniff',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function problemOf(error: NodeJS.ErrnoException): Problem {
  const tooLong = error.code === 'HPE_HEADER_OVERFLOW';
  const what = tooLong
    ? `address and headers are longer than ${maxHeaderSize} bytes together`
    : `this is no HTTP request: ${error.message}`;
  const problem = answerOf(new RequestError('request/invalid', what))?.problem ?? unexpected(500);
  return tooLong ? { ...problem, status: 431 } : problem;
}
