/**
 * One connection for a technician's commands: each request goes out at once and is told as it was answered, with none of the
 * patience of the agent (no retries, no pauses for silent units). Only what keeps replies apart is the same.
 */
import { type ModbusLink, modbusLinkName } from '@fieldline/shared/config/modbus-link';
import { type Clock, silentLog } from '@fieldline/shared/runtime';
import { DialIns } from './channels/dial-in.ts';
import { openChannel } from './channels/open-channel.ts';
import { Connection } from './connection.ts';
import type { AnswersAs } from './ports/frame-port.ts';
import { LineMemory } from './ports/line-memory.ts';
import type { Reply } from './reply.ts';
import type { FileRequest, IdentificationRequest, ReadRequest } from './request.ts';

export type TimedReply = { readonly reply: Reply; readonly roundTripMs: number };

export class HandLink {
  readonly name: string;
  private readonly link: ModbusLink;
  private readonly clock: Clock;
  private readonly signal: AbortSignal;
  private readonly dialIns = new DialIns(silentLog, () => {});
  private readonly memory = new LineMemory();
  private connection: Connection | null = null;

  constructor(link: ModbusLink, clock: Clock, signal: AbortSignal) {
    this.name = modbusLinkName(link);
    this.link = link;
    this.clock = clock;
    this.signal = signal;
    if (link.kind === 'listen') this.dialIns.expect(link);
    signal.addEventListener('abort', () => this.connection?.abort(), { once: true });
  }

  /** @throws FieldlineError device/unreachable, port/in-use */
  read(request: ReadRequest | FileRequest, answersAs: AnswersAs = null): Promise<TimedReply> {
    return this.ask((connection) => connection.ask(request, answersAs));
  }

  /** @throws FieldlineError device/unreachable, port/in-use */
  identify(request: IdentificationRequest): Promise<TimedReply> {
    return this.ask((connection) => connection.identify(request));
  }

  async close(): Promise<void> {
    const { connection } = this;
    connection?.end('closed');
    await connection?.ended;
    await this.dialIns.close();
  }

  private async ask(send: (connection: Connection) => Promise<Reply>): Promise<TimedReply> {
    const connection = this.signal.aborted ? null : await this.connected();
    if (connection === null) return { reply: { kind: 'aborted' }, roundTripMs: 0 };
    if (connection.unsettled) await connection.settle();
    if (connection.isPausing) await connection.pauseOver(this.signal);
    if (this.signal.aborted) return { reply: { kind: 'aborted' }, roundTripMs: 0 };
    const sentMs = this.clock.monotonicMs();
    const reply = await send(connection);
    return { reply, roundTripMs: this.clock.monotonicMs() - sentMs };
  }

  /** Some gateways hang up after a request in vain. null: it was stopped meanwhile. */
  private async connected(): Promise<Connection | null> {
    if (this.connection?.isOpen === true) return this.connection;
    try {
      const channel = await openChannel(this.link, null, this.dialIns, this.signal);
      this.connection = new Connection(this.link, channel, () => {}, this.memory);
      return this.connection;
    } catch (error) {
      if (this.signal.aborted) return null;
      throw error;
    }
  }
}
