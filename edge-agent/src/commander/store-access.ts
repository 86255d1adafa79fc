/** The store on a disk that may fail: what is asked of it then has no answer, the operator is told what to do, once, and it is tried again. */
import { type Clock, createBackoff, type Log } from '@fieldline/shared/runtime';
import { errorFields } from '../error-fields.ts';
import { CommandStore, isBroken } from './store.ts';

export type StoreOptions = {
  readonly file: string;
  readonly maxRemembered: number;
  readonly clock: Clock;
  readonly log: Log;
};

const toDo =
  'mend the disk or its rights; a damaged file may be deleted, with its -wal, once every command sent so far has expired';

export class StoreAccess {
  private readonly options: StoreOptions;
  private readonly pause = createBackoff({ firstMs: 1_000, maxMs: 10_000 });
  private tryAtMs = 0;
  private isClosed = false;
  /** Null where it cannot be opened: then nothing is written. */
  private store: CommandStore | null = null;
  private reason: string | null = null;

  private constructor(options: StoreOptions) {
    this.options = options;
  }

  static open(options: StoreOptions): StoreAccess {
    const access = new StoreAccess(options);
    access.reopen();
    return access;
  }

  get isOpen(): boolean {
    return this.store !== null;
  }

  /** In words for the operator; null when well. */
  trouble(): string | null {
    return this.reason;
  }

  /** Where it is not open, and it is time to try again. */
  reopen(): void {
    const { file, maxRemembered, clock, log } = this.options;
    if (this.store !== null || this.isClosed || clock.monotonicMs() < this.tryAtMs) return;
    try {
      this.store = CommandStore.open(file, maxRemembered);
      if (this.reason !== null) log.info({ file }, 'commands are taken again');
      this.reason = null;
      this.pause.reset();
    } catch (error) {
      this.refuse('opened', error, toDo);
    }
  }

  /** null where the disk does not let it. */
  use<Result>(work: (store: CommandStore) => Result): Result | null {
    if (this.store === null) return null;
    try {
      const result = work(this.store);
      this.reason = null;
      return result;
    } catch (error) {
      if (isBroken(error)) this.giveUp(error);
      else this.refuse('used', error, 'make room, or mend the disk or its rights');
      return null;
    }
  }

  close(): void {
    this.isClosed = true;
    this.store?.close();
    this.store = null;
  }

  /** What is mended or deleted meanwhile is another file than the one that is open. */
  private giveUp(error: unknown): void {
    this.refuse('used', error, toDo);
    this.store?.close();
    this.store = null;
  }

  private refuse(how: 'opened' | 'used', error: unknown, advice: string): void {
    const { file, clock, log } = this.options;
    const reason = `commands are refused: ${file} cannot be ${how} (${error instanceof Error ? error.message : error}); ${advice}`;
    if (reason !== this.reason) log.error(errorFields(error), reason);
    this.reason = reason;
    this.tryAtMs = clock.monotonicMs() + this.pause.next();
  }
}
