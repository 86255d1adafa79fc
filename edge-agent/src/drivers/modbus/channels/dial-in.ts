/**
 * Devices that dial in, as modems do behind an address that changes. A port is listened to once, whatever number of devices
 * it is for. Who a caller is, is told by the address that it comes from, by what it sends first, or by being the only one.
 *
 * Bounds: so many callers may be unknown at once, and each for so long and so many bytes. Of each device one connection
 * counts, the newest: a modem that lost its line dials anew long before the old connection is known to be dead.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { bytesOf, type ListenLink, modbusLinkName } from '@fieldline/shared/config';
import { type Log, listen } from '@fieldline/shared/runtime';
import { type Channel, unreachable } from './channel.ts';
import { keepAliveMs, socketChannel } from './tcp-channel.ts';

const maxUnknown = 64;
const maxAnnouncementBytes = 256;
const announcementTimeoutMs = 10_000;
/** How long a link waits before it says that nobody has called. */
const waitForCallMs = 10_000;
const logStrangersEveryMs = 60_000;

export class DialIns {
  private readonly ports = new Map<string, DialInPort>();
  private readonly log: Log;
  private readonly onStranger: () => void;

  constructor(log: Log, onStranger: () => void) {
    this.log = log;
    this.onStranger = onStranger;
  }

  /** To be told of every link before the first of them accepts: then no caller is taken for a stranger. */
  expect(link: ListenLink): void {
    const name = `${link.host}:${link.port}`;
    const port = this.ports.get(name) ?? new DialInPort(link, this.log, this.onStranger);
    this.ports.set(name, port);
    port.expect(link);
  }

  /** @throws FieldlineError device/unreachable while nobody calls, port/in-use */
  async accept(link: ListenLink, signal: AbortSignal): Promise<Channel> {
    const port = this.ports.get(`${link.host}:${link.port}`);
    if (port === undefined) throw new Error(`${modbusLinkName(link)} is not expected`);
    await port.open();
    return port.accept(link, signal);
  }

  async close(): Promise<void> {
    await Promise.all([...this.ports.values()].map((port) => port.close()));
  }
}

/** A device that may call: its line, or whoever waits for it. */
type Expected = {
  readonly link: ListenLink;
  line: Channel | null;
  /** `line` has not been taken by its link yet. */
  isNew: boolean;
  called: (() => void) | null;
};

class DialInPort {
  private readonly at: ListenLink;
  private readonly log: Log;
  private readonly onStranger: () => void;
  private readonly expected = new Map<string, Expected>();
  private readonly unknown = new Set<Socket>();
  private listening: Promise<Server> | null = null;
  private sayStrangersFromMs = 0;

  constructor(at: ListenLink, log: Log, onStranger: () => void) {
    this.at = at;
    this.log = log;
    this.onStranger = onStranger;
  }

  expect(link: ListenLink): void {
    this.expected.set(modbusLinkName(link), { link, line: null, isNew: false, called: null });
  }

  async open(): Promise<void> {
    this.listening ??= this.listen();
    try {
      await this.listening;
    } catch (error) {
      this.listening = null;
      throw error;
    }
  }

  async accept(link: ListenLink, signal: AbortSignal): Promise<Channel> {
    const expected = this.expected.get(modbusLinkName(link));
    if (expected === undefined) throw new Error(`${modbusLinkName(link)} is not expected`);
    if (!expected.isNew) await waitForCall(expected, signal);
    const { line, isNew } = expected;
    expected.isNew = false;
    if (line !== null && isNew && line.isOpen()) return line;
    throw unreachable(`nobody has dialled in as ${modbusLinkName(link)}`);
  }

  async close(): Promise<void> {
    for (const { line } of this.expected.values()) line?.end('closed');
    for (const socket of this.unknown) socket.destroy();
    const server = await this.listening?.catch(() => null);
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  private async listen(): Promise<Server> {
    const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs }, (socket) =>
      this.greet(socket),
    );
    await listen(server, this.at);
    const { host, port } = this.at;
    this.log.info({ host, port, devices: this.expected.size }, 'listening for devices that dial in');
    return server;
  }

  private greet(socket: Socket): void {
    socket.on('error', () => {});
    const from = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    const candidates = [...this.expected.values()].filter(({ link }) => link.from === undefined || link.from === from);
    const [only] = candidates;
    if (only === undefined || this.unknown.size >= maxUnknown) this.refuse(socket, from, Buffer.alloc(0));
    else if (only.link.registration === undefined) this.take(only, socket, from);
    else this.ask(socket, from, candidates);
  }

  private ask(socket: Socket, from: string, candidates: readonly Expected[]): void {
    this.unknown.add(socket);
    let received: Buffer = Buffer.alloc(0);
    const settled = (): void => {
      this.unknown.delete(socket);
      socket.removeListener('data', hear).setTimeout(0).removeAllListeners('timeout');
    };
    const hear = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      const who = recognise(received, candidates);
      if (who === 'unsure' && received.length < maxAnnouncementBytes) return;
      settled();
      if (who === 'unsure' || who === null) this.refuse(socket, from, received);
      else this.take(who, socket, from);
    };
    socket.on('data', hear);
    socket.setTimeout(announcementTimeoutMs, () => this.refuse(socket, from, received));
    socket.once('close', settled);
  }

  private take(expected: Expected, socket: Socket, from: string): void {
    expected.line?.end('the device has dialled in anew');
    expected.line = socketChannel(socket);
    expected.isNew = true;
    this.log.info({ link: modbusLinkName(expected.link), from }, 'a device has dialled in');
    expected.called?.();
  }

  private refuse(socket: Socket, from: string, received: Buffer): void {
    socket.destroy();
    this.onStranger();
    const nowMs = performance.now();
    if (nowMs < this.sayStrangersFromMs) return;
    this.sayStrangersFromMs = nowMs + logStrangersEveryMs;
    const said = received.subarray(0, 64);
    this.log.warn(
      { port: this.at.port, from, text: said.toString('latin1'), bytes: `0x${said.toString('hex')}` },
      'somebody unknown has dialled in; where it is a device of this gateway, state its registration or where it comes from',
    );
  }
}

function waitForCall(expected: Expected, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const called = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', called);
      expected.called = null;
      resolve();
    };
    const timer = setTimeout(called, waitForCallMs);
    signal.addEventListener('abort', called, { once: true });
    expected.called = called;
    if (signal.aborted) called();
  });
}

/** Whose registration these bytes begin with; `unsure` while they are the beginning of one. */
function recognise(received: Buffer, candidates: readonly Expected[]): Expected | 'unsure' | null {
  let unsure = false;
  for (const candidate of candidates) {
    const registration = bytesOf(candidate.link.registration ?? '');
    const length = Math.min(registration.length, received.length);
    if (!registration.subarray(0, length).equals(received.subarray(0, length))) continue;
    if (length === registration.length) return candidate;
    unsure = true;
  }
  return unsure ? 'unsure' : null;
}
