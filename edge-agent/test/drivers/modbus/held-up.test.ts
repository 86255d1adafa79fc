import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describeWith, waitFor } from '@fieldline/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { registers, startPlc } from './plc.ts';
import { device, startRig, startUnconnected, tcp, words } from './rig.ts';
import { pair, startLine } from './serial-line.ts';

/**
 * A device in a thread of its own: it goes on while ours is held up. Its n-th answer has the value n, and comes `delaysMs[n - 1]`
 * later, or the last of these.
 */
const source = `
const { parentPort, workerData } = require('node:worker_threads');
const { kind, path, delaysMs } = workerData;
let asked = 0;
const crcOf = (bytes) => {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return Buffer.of(crc & 0xff, crc >> 8);
};
const answer = (request, write) => {
  asked += 1;
  const adu = Buffer.of(1, 3, 2, 0, asked);
  const inHeader = kind === 'tcp' || kind === 'udp';
  const reply = inHeader
    ? Buffer.concat([request.subarray(0, 4), Buffer.of(0, adu.length), adu])
    : Buffer.concat([adu, crcOf(adu)]);
  setTimeout(() => write(reply), delaysMs[asked - 1] ?? delaysMs.at(-1));
  parentPort.postMessage('asked');
};
if (kind === 'udp') {
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (bytes, from) => answer(bytes, (reply) => socket.send(reply, from.port, from.address)));
  socket.bind(0, '127.0.0.1', () => parentPort.postMessage(socket.address().port));
} else if (kind === 'rtu') {
  const fs = require('node:fs');
  const line = fs.openSync(path, 'r+');
  const stream = fs.createReadStream('', { fd: line, highWaterMark: 64 });
  stream.on('data', (bytes) => answer(bytes, (reply) => fs.writeSync(line, reply)));
  parentPort.postMessage(0);
} else {
  const server = require('node:net').createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => answer(bytes, (reply) => socket.write(reply)));
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
}`;

const timeoutMs = 60;

type DeviceSettings = {
  readonly kind: string;
  readonly delaysMs: readonly number[];
  /** The ends of its serial line. */
  readonly ours?: string;
  readonly path?: string;
};

async function startDevice(settings: DeviceSettings) {
  const worker = new Worker(source, { eval: true, workerData: settings });
  // Not waited for: it may hang in a read of the line, which ends after it.
  onTestFinished(() => void worker.terminate());
  const [port] = await once(worker, 'message');
  let asked = 0;
  worker.on('message', () => {
    asked += 1;
  });
  /** Resolves in the turn of the event loop in which the n-th request is known to be there. */
  const untilAsked = (count: number): Promise<void> =>
    new Promise((resolve) => worker.on('message', () => asked === count && resolve()));
  const serial = { kind: 'rtu', path: settings.ours, baudRate: 115_200, parity: 'none' };
  const link = settings.kind === 'rtu' ? serial : { kind: settings.kind, host: '127.0.0.1', port };
  const rig = await startRig([device({ link, timeoutMs, tags: words(0) })]);
  const read = async (): Promise<unknown> => (await rig.read()).w0;
  return { untilAsked, read };
}

function holdUp(forMs: number): void {
  const until = performance.now() + forMs;
  while (performance.now() < until) Math.sqrt(until);
}

type Device = Awaited<ReturnType<typeof startDevice>>;

/**
 * The event loop is held up from just after a request until long after its time-out. A busy machine may have cost answers before: the
 * request is that after the first which was answered in time. It may also keep the other thread from its work for as long: one of
 * three must be read.
 */
async function nextIsReadHeldUp(device: Device): Promise<void> {
  const values: unknown[] = [];
  while (values.length < 3 && typeof values.at(-1) !== 'number') values.push(await readHeldUp(device));
  expect(values.at(-1)).toBeTypeOf('number');
}

/** What was read; a number is the one that belongs to the request. */
async function readHeldUp({ read, untilAsked }: Device): Promise<unknown> {
  let answered: unknown;
  await waitFor(async () => {
    answered = await read();
    return typeof answered === 'number';
  });
  const reading = read();
  await untilAsked(Number(answered) + 1);
  holdUp(5 * timeoutMs);
  const value = await reading;
  if (typeof value === 'number') expect(value).toBe(Number(answered) + 1);
  return value;
}

describe('a reply that lies there when the event loop is free again is no time-out', () => {
  test.each(['tcp', 'udp', 'rtu-over-tcp'])('over %s', async (kind) => {
    await nextIsReadHeldUp(await startDevice({ kind, delaysMs: [0, 20] }));
  });
});

test('a connection that is made while the event loop is held up at the start makes no sample bad', async () => {
  const plc = await startPlc((ask, { send }) => send(registers(ask, [5])));
  onTestFinished(() => plc.close());
  const rig = startUnconnected([device({ link: tcp(plc.port), timeoutMs: 20, tags: words(0) })]);
  const reading = rig.read();
  // The request waits for the connection by then, which is not there before the next turn of the loop.
  for (let job = 0; job < 50; job++) await null;
  holdUp(5 * timeoutMs);
  expect((await reading).w0).not.toBe('bad/not-connected');
  await waitFor(async () => (await rig.read()).w0 === 5);
});

/** The reply to the first request comes after its time-out, while the event loop is held up until the unit is asked again. */
async function lateReplyIsNone({ read }: Device): Promise<void> {
  expect(await read()).toBe('bad/timeout');
  holdUp(6 * timeoutMs);
  const values: unknown[] = [];
  await waitFor(async () => typeof values[values.push(await read()) - 1] === 'number');
  expect(values).not.toContain(1);
}

test('a late reply that lies there when the unit is asked again is not taken for the next one', async () => {
  await lateReplyIsNone(await startDevice({ kind: 'rtu-over-tcp', delaysMs: [3 * timeoutMs, 20] }));
});

describeWith(pair, 'on a serial line, whose bytes come by way of another thread', () => {
  test('a reply that lies there when the event loop is free again is no time-out', async () => {
    const { ours, theirs } = await startLine();
    await nextIsReadHeldUp(await startDevice({ kind: 'rtu', delaysMs: [0, 20], ours, path: theirs }));
  });

  test('a late reply that lies there when the unit is asked again is not taken for the next one', async () => {
    const { ours, theirs } = await startLine();
    await lateReplyIsNone(await startDevice({ kind: 'rtu', delaysMs: [3 * timeoutMs, 20], ours, path: theirs }));
  });
});
