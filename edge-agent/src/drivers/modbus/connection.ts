import type { ModbusLink, ModbusTable } from '@fieldline/shared/config';
import modbusSerial from 'modbus-serial';
import { type Channel, openChannel } from './channel.ts';
import { isBitTable } from './plan.ts';
import { RtuPort } from './rtu-port.ts';
import { TcpPort } from './tcp-port.ts';

export type ReadRequest = {
  readonly unit: number;
  readonly table: ModbusTable;
  readonly first: number;
  readonly count: number;
  readonly timeoutMs: number;
};

export type Reply =
  /** The data bytes alone: two per register, eight bits per byte. */
  | { readonly kind: 'data'; readonly data: Buffer }
  | { readonly kind: 'exception'; readonly code: number }
  | { readonly kind: 'garbled' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'not-connected' }
  | { readonly kind: 'aborted' };

/** One open channel with modbus-serial on it. One request at a time: `read` is not called while another one runs. */
export class Connection {
  readonly ended: Promise<string>;
  private readonly client: InstanceType<typeof modbusSerial.default>;
  private readonly port: TcpPort | RtuPort;
  private readonly channel: Channel;
  private finish: ((reply: Reply) => void) | null = null;

  private constructor(link: ModbusLink, channel: Channel, onLate: () => void) {
    this.channel = channel;
    this.port = link.kind === 'tcp' ? new TcpPort(channel, onLate) : new RtuPort(channel, onLate);
    this.client = new modbusSerial.default(this.port);
    this.client.open(() => {});
    this.ended = channel.ended;
    void channel.ended.then(() => this.finish?.({ kind: 'not-connected' }));
  }

  /** @throws FieldlineError device/unreachable */
  static async open(link: ModbusLink, signal: AbortSignal, onLate: () => void): Promise<Connection> {
    return new Connection(link, await openChannel(link, signal), onLate);
  }

  /** Whether the next request has to wait until `settle` resolves. */
  get unsettled(): boolean {
    return this.port.unsettled;
  }

  settle(): Promise<void> {
    return this.port.settle();
  }

  /** The time-out is ours: the library's leaves its transaction open, to be answered by whatever comes next. */
  read(request: ReadRequest): Promise<Reply> {
    if (!this.channel.isOpen()) return Promise.resolve({ kind: 'not-connected' });
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => this.giveUp({ kind: this.port.pendingBytes > 0 ? 'garbled' : 'timeout' }),
        request.timeoutMs,
      );
      this.finish = (reply) => {
        this.finish = null;
        clearTimeout(timer);
        resolve(reply);
      };
      this.send(request, this.finish);
    });
  }

  /** Ends a running request at once. */
  abort(): void {
    this.giveUp({ kind: 'aborted' });
  }

  end(reason: string): void {
    this.channel.end(reason);
  }

  private giveUp(reply: Reply): void {
    if (this.finish === null) return;
    this.port.abandon();
    this.finish(reply);
  }

  /** The library checks unit, function and length of the frame; the byte count that the frame itself states is checked here. */
  private send({ unit, table, first, count }: ReadRequest, finish: (reply: Reply) => void): void {
    const sizeBytes = isBitTable(table) ? Math.ceil(count / 8) : count * 2;
    const answered = (error: Error | null, result: { readonly buffer: Buffer } | undefined): void => {
      if (this.finish !== finish) return;
      const code = exceptionCode(error);
      if (code !== null) finish({ kind: 'exception', code });
      else if (error !== null || result?.buffer.length !== sizeBytes) finish({ kind: 'garbled' });
      else finish({ kind: 'data', data: result.buffer });
    };
    switch (table) {
      case 'coil':
        this.client.writeFC1(unit, first, count, answered);
        break;
      case 'discrete':
        this.client.writeFC2(unit, first, count, answered);
        break;
      case 'holding':
        this.client.writeFC3(unit, first, count, answered);
        break;
      case 'input':
        this.client.writeFC4(unit, first, count, answered);
        break;
    }
  }
}

const exceptionCode = (error: Error | null): number | null =>
  error !== null && 'modbusCode' in error && typeof error.modbusCode === 'number' ? error.modbusCode : null;
