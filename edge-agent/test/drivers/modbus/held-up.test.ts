import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describeWith, waitFor } from '@fieldline/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { device, startRig, words } from './rig.ts';
import { pair, startLine } from './serial-line.ts';

/** Answers every request with these bytes, in a thread of its own: it goes on while ours is held up. */
const source = `
const { parentPort, workerData } = require('node:worker_threads');
const { kind, path } = workerData;
const answerTo = (bytes) => kind === 'rtu' ? Buffer.of(1, 3, 2, 0, 5, 0x78, 0x47)
  : Buffer.concat([bytes.subarray(0, 4), Buffer.of(0, 5, 1, 3, 2, 0, 5)]);
const later = (answer) => {
  parentPort.postMessage('asked');
  setTimeout(answer, 20);
};
if (kind === 'tcp') {
  const server = require('node:net').createServer({ noDelay: true }, (socket) =>
    socket.on('data', (bytes) => later(() => socket.write(answerTo(bytes)))));
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
} else if (kind === 'udp') {
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (bytes, { port, address }) => later(() => socket.send(answerTo(bytes), port, address)));
  socket.bind(0, '127.0.0.1', () => parentPort.postMessage(socket.address().port));
} else {
  const fs = require('node:fs');
  const line = fs.openSync(path, 'r+');
  fs.createReadStream('', { fd: line, highWaterMark: 64 }).on('data', (bytes) =>
    later(() => fs.writeSync(line, answerTo(bytes))));
  parentPort.postMessage(0);
}`;

async function answering(kind: 'tcp' | 'udp' | 'rtu', path = ''): Promise<{ port: number; worker: Worker }> {
  const worker = new Worker(source, { eval: true, workerData: { kind, path } });
  // Not waited for: it may hang in a read of the line, which ends after it.
  onTestFinished(() => void worker.terminate());
  const [port] = await once(worker, 'message');
  return { port, worker };
}

const timeoutMs = 60;

/** Reads once, with the event loop held up from just after the request until long after its time-out. */
async function readHeldUp(worker: Worker, link: object): Promise<unknown> {
  const rig = await startRig([device({ link, timeoutMs, tags: words(0) })]);
  let asked = 0;
  worker.on('message', () => {
    asked += 1;
  });
  let reads = 0;
  const read = async (): Promise<unknown> => {
    reads += 1;
    return (await rig.read()).w0;
  };
  await waitFor(async () => (await read()) === 5);
  const reading = read();
  await new Promise<void>((resolve) => worker.on('message', () => asked === reads && resolve()));
  const until = performance.now() + 5 * timeoutMs;
  while (performance.now() < until) Math.sqrt(until);
  return reading;
}

describe('a reply that lies there when the event loop is free again is no time-out', () => {
  test.each(['tcp', 'udp'] as const)('over %s', async (kind) => {
    const { port, worker } = await answering(kind);
    expect(await readHeldUp(worker, { kind, host: '127.0.0.1', port })).toBe(5);
  });
});

describeWith(pair, 'nor on a serial line', () => {
  test('whose bytes come by way of another thread', async () => {
    const { ours, theirs } = await startLine();
    const { worker } = await answering('rtu', theirs);
    expect(await readHeldUp(worker, { kind: 'rtu', path: ours, baudRate: 115_200, parity: 'none' })).toBe(5);
  });
});
