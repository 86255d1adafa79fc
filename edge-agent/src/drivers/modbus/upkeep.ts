import { type ModbusLink, modbusLinkName } from '@fieldline/shared/config/modbus-link';
import { FieldlineError } from '@fieldline/shared/contracts';
import { createBackoff, pause } from '@fieldline/shared/runtime';
import type { Address } from './channels/open-channel.ts';
import { Connection } from './connection.ts';
import { Failover } from './failover.ts';
import type { LinkParts } from './link.ts';
import { LineMemory } from './ports/line-memory.ts';
import type { Silence } from './unit-guard.ts';

const firstReconnectMs = 500;
const maxReconnectMs = 30_000;
/** However soon a device answers, connecting takes its own time, and this machine is busiest at its start. */
const leastFirstTryMs = 2_000;

const bringsTwice =
  'replies come that no request is open for: something on the line sends them twice, or later than timeoutMs; what was read just before may belong to other tags, and from now on the line must be quiet for 50 ms before each request';

export type UpkeepUser = {
  readonly onConnected: () => void;
  /** Whether a connection that nobody uses yet leads to the devices. */
  readonly bringsAnswers: (connection: Connection, signal: AbortSignal) => Promise<boolean>;
};

/** Keeps one connection up, to one of the addresses of a device, trying on for as long as it is not closed. */
export class Upkeep {
  private readonly name: string;
  private readonly settings: ModbusLink;
  private readonly parts: LinkParts;
  private readonly user: UpkeepUser;
  private readonly closing = new AbortController();
  private readonly reconnect = createBackoff({ firstMs: firstReconnectMs, maxMs: maxReconnectMs });
  private readonly failover: Failover;
  private readonly memory = new LineMemory();
  private current: Connection | null = null;
  /** To the first address, which has not answered yet. */
  private tried: Connection | null = null;
  /** To the first address, made while the backup was in use. */
  private next: Connection | null = null;
  private onUse: (() => void) | null = null;
  private running: Promise<void> = Promise.resolve();
  private returning: Promise<void> | null = null;
  private readonly firstTry = Promise.withResolvers<void>();
  private firstTryEnded = false;
  /** Why there is no connection; null before the first try has ended and while there is one. */
  private trouble: string | null = null;
  /** Reasons that the log has told since the last answer. */
  private readonly told = new Set<string>();

  constructor(settings: ModbusLink, parts: LinkParts, user: UpkeepUser) {
    this.name = modbusLinkName(settings);
    this.settings = settings;
    this.parts = parts;
    this.user = user;
    this.failover = new Failover(settings);
  }

  get connection(): Connection | null {
    return this.current;
  }

  get state(): 'connecting' | 'connected' | 'disconnected' {
    if (this.current !== null) return 'connected';
    return this.trouble === null ? 'connecting' : 'disconnected';
  }

  get disconnectedBecause(): string | null {
    return this.trouble;
  }

  get hasBackup(): boolean {
    return this.failover.hasBackup;
  }

  /** The backup address, while it is the one in use. */
  get backupInUse(): Address | null {
    return this.failover.isOnBackup ? this.failover.address : null;
  }

  /** What is odd with the replies that come; null where nothing is. */
  get oddity(): string | null {
    return this.memory.doubles ? bringsTwice : null;
  }

  start(): void {
    this.running = this.keepConnected();
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.current?.end('closed');
    this.next?.end('closed');
    this.tried?.end('closed');
    await Promise.all([this.running, this.returning]);
  }

  /** Whether a try to connect has ended, well or not. */
  get hasTried(): boolean {
    return this.firstTryEnded;
  }

  /** Resolves then; or after so long, where that is enough for a connection that can be made. */
  async firstTried(maxMs: number, signal: AbortSignal): Promise<void> {
    await Promise.race([this.firstTry.promise, pause(Math.max(maxMs, leastFirstTryMs), signal)]);
  }

  /** Something has come over the connection. */
  answered(): void {
    this.reconnect.reset();
    if (this.told.size > 0) this.told.clear();
    if (!this.failover.hasBackup) return;
    this.failover.answered();
    if (this.returning !== null || !this.failover.returnIsDue(this.parts.clock.monotonicMs())) return;
    this.returning = this.tryFirstAddress().finally(() => {
      this.returning = null;
    });
  }

  /** Whether the first address is there again, and waits to be used. */
  get hasNext(): boolean {
    return this.next !== null && this.current !== null;
  }

  /** Leaves the backup; to be called between two requests, so that none is lost by it. */
  async useNext(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.onUse = resolve;
    this.current?.end('back to the first address');
    await promise;
  }

  /** The connection does not bring answers any more. */
  giveUp(connection: Connection, because: Silence): void {
    connection.end(
      because === 'timeout' ? 'it does not answer any more' : 'it sends nothing that is an answer any more',
    );
    if (connection === this.current && this.next === null) this.changeAddress();
  }

  private async keepConnected(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      const isOnBackup = this.failover.isOnBackup;
      let goesOn = false;
      try {
        const connection = this.next ?? (await this.open(this.failover.address));
        this.next = null;
        this.disconnected(await this.use(connection));
        goesOn = this.next !== null || this.failover.isOnBackup !== isOnBackup || this.settings.kind === 'listen';
      } catch (error) {
        this.disconnected(error instanceof Error ? error.message : String(error));
        goesOn = this.changeAddress() || this.hasWaited(error);
      }
      if (!signal.aborted && !goesOn) await pause(this.reconnect.next(), signal);
    }
    this.used();
  }

  /** Whoever waits for a device to dial in has waited already, unless the port is taken. */
  private hasWaited(error: unknown): boolean {
    return this.settings.kind === 'listen' && error instanceof FieldlineError && error.code === 'device/unreachable';
  }

  private async open(at: Address | null): Promise<Connection> {
    const { dialIns, log, metrics, openChannel } = this.parts;
    const channel = await openChannel(this.settings, at, dialIns, this.closing.signal);
    const recorded = this.parts.recorder.record(this.name, channel);
    const onLate = (isFirstOfDoubling: boolean): void => {
      metrics.late.inc({ link: this.name });
      if (isFirstOfDoubling) log.warn({ link: this.name }, bringsTwice);
    };
    return new Connection(this.settings, recorded, onLate, this.memory);
  }

  /** Resolves when it has ended: why. */
  private use(connection: Connection): Promise<string> {
    this.current = connection;
    this.used();
    this.endFirstTry();
    if (this.closing.signal.aborted) connection.end('closed');
    else this.parts.log.info({ link: this.name, ...this.failover.address }, 'connected');
    this.trouble = null;
    this.user.onConnected();
    return connection.ended;
  }

  private used(): void {
    this.onUse?.();
    this.onUse = null;
  }

  private endFirstTry(): void {
    this.firstTryEnded = true;
    this.firstTry.resolve();
  }

  private disconnected(reason: string): void {
    this.current = null;
    this.endFirstTry();
    if (this.closing.signal.aborted || this.next !== null) return;
    this.trouble = reason;
    if (this.told.has(reason)) return;
    this.told.add(reason);
    this.parts.log.warn({ link: this.name, reason }, 'not connected; trying on');
  }

  /** True if there is another address to be tried at once. */
  private changeAddress(): boolean {
    const isAnother = this.failover.failed(this.parts.clock.monotonicMs());
    this.showAddress();
    return isAnother;
  }

  private showAddress(): void {
    if (!this.failover.hasBackup) return;
    this.parts.metrics.backupInUse.set({ link: this.name }, this.failover.isOnBackup ? 1 : 0);
  }

  /** Beside the backup, which is left only once a device has answered: what connects may still lead nowhere. */
  private async tryFirstAddress(): Promise<void> {
    try {
      const connection = await this.open(this.failover.firstAddress);
      this.tried = connection;
      const answers = await this.user.bringsAnswers(connection, this.closing.signal);
      this.tried = null;
      if (!answers) this.stays();
      if (answers && this.failover.isOnBackup && this.current !== null && !this.closing.signal.aborted) {
        this.next = connection;
        this.failover.returned();
        this.showAddress();
      } else connection.end('closed');
    } catch {
      // Not there yet: the backup goes on, and the next try has its time.
    }
  }

  private stays(): void {
    if (this.closing.signal.aborted) return;
    const { log } = this.parts;
    log.info({ link: this.name, ...this.failover.firstAddress }, 'connects, but brings no answer; the backup goes on');
  }
}
