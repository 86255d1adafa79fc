/** The store on a disk that may fail: what is asked of it then has no answer, and the operator is told what to do, once. */
import type { Log } from '@fieldline/shared/runtime';
import { errorFields } from '../error-fields.ts';
import { CommandStore } from './store.ts';

export type StoreOptions = { readonly file: string; readonly maxRemembered: number; readonly log: Log };

export class StoreAccess {
  private readonly options: StoreOptions;
  /** Null where it cannot be opened: then nothing is written. */
  private readonly store: CommandStore | null;
  private reason: string | null = null;

  private constructor(options: StoreOptions) {
    this.options = options;
    this.store = this.opened();
  }

  static open(options: StoreOptions): StoreAccess {
    return new StoreAccess(options);
  }

  /** In words for the operator; null when well. */
  trouble(): string | null {
    return this.reason;
  }

  /** null where the disk does not let it. */
  use<Result>(work: (store: CommandStore) => Result): Result | null {
    if (this.store === null) return null;
    try {
      const result = work(this.store);
      this.reason = null;
      return result;
    } catch (error) {
      const { file, log } = this.options;
      const reason = `commands are refused: ${file} cannot be used (${error instanceof Error ? error.message : error}); make room, or mend the disk or its rights`;
      if (reason !== this.reason) log.error(errorFields(error), reason);
      this.reason = reason;
      return null;
    }
  }

  close(): void {
    this.store?.close();
  }

  private opened(): CommandStore | null {
    const { file, maxRemembered, log } = this.options;
    try {
      return CommandStore.open(file, maxRemembered);
    } catch (error) {
      this.reason = `commands are refused: ${file} cannot be opened (${error instanceof Error ? error.message : error}); mend the disk or its rights; a damaged file may be deleted once every command sent so far has expired`;
      log.error(errorFields(error), this.reason);
      return null;
    }
  }
}
