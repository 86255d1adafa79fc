import { isNetworkLink, type ModbusLink } from '@fieldline/shared/config/modbus-link';
import { type Backoff, createBackoff } from '@fieldline/shared/runtime';
import type { Address } from './channels/open-channel.ts';

/** An address that connects but stays silent may work for others, whom each try disturbs: it is tried seldomer each time. */
const maxReturnPauses = 12;

/** Which of the two addresses of a device is in use. */
export class Failover {
  private readonly first: Address | null;
  private readonly second: Address | null;
  private readonly returns: Backoff;
  private onBackup = false;
  private returnAtMs = Number.POSITIVE_INFINITY;

  constructor(link: ModbusLink) {
    const { host, port, backup } = isNetworkLink(link) ? link : { host: '', port: 0, backup: undefined };
    this.first = isNetworkLink(link) ? { host, port } : null;
    this.second = backup === undefined ? null : { host: backup.host, port: backup.port ?? port };
    const returnAfterMs = backup?.returnAfterMs ?? 1;
    this.returns = createBackoff({ firstMs: returnAfterMs, maxMs: returnAfterMs * maxReturnPauses });
  }

  get hasBackup(): boolean {
    return this.second !== null;
  }

  get isOnBackup(): boolean {
    return this.onBackup;
  }

  /** null for links without addresses. */
  get address(): Address | null {
    return this.onBackup ? this.second : this.first;
  }

  get firstAddress(): Address | null {
    return this.first;
  }

  /** The address in use does not connect, or is silent. True if another is to be tried at once. */
  failed(nowMs: number): boolean {
    if (this.second === null) return false;
    this.onBackup = !this.onBackup;
    if (this.onBackup) this.returnAtMs = nowMs + this.returns.next();
    return this.onBackup;
  }

  answered(): void {
    if (!this.onBackup) this.returns.reset();
  }

  /** True once for each time that the first address is to be tried. */
  returnIsDue(nowMs: number): boolean {
    if (!this.onBackup || nowMs < this.returnAtMs) return false;
    this.returnAtMs = nowMs + this.returns.next();
    return true;
  }

  returned(): void {
    this.onBackup = false;
  }
}
