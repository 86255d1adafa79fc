import type { FieldlineError } from '@fieldline/shared/contracts';
import type { Log } from '@fieldline/shared/runtime';
import { errorFields } from '../error-fields.ts';

/** What is wrong with which broker. Each trouble is logged once, until it changes. */
export class Troubles {
  private readonly log: Log;
  private readonly last = new Map<string, string>();
  private hasTried = false;
  /** Stays in the report over the next connect, until a session lasts: each takes the session back for a moment. */
  private rival: string | null = null;

  constructor(log: Log) {
    this.log = log;
  }

  report(broker: string, trouble: FieldlineError): void {
    const isNews = trouble.message !== (this.last.get(broker) ?? this.rival);
    this.hasTried = true;
    this.last.set(broker, trouble.message);
    const { err } = errorFields(trouble.cause);
    const fields = { code: trouble.code, ...(err instanceof Error ? { err } : {}) };
    if (isNews) this.log.error(fields, trouble.message);
    else this.log.debug(fields, trouble.message);
  }

  /** A session ended; `trouble` is what another client has to do with it. */
  suspect(trouble: FieldlineError | null): void {
    this.rival = trouble?.message ?? null;
  }

  connected(): void {
    this.hasTried = true;
    this.last.clear();
  }

  /** In words for the operator; null when there is none. */
  text(): string | null {
    if (!this.hasTried) return 'not connected yet';
    return this.last.size > 0 ? [...this.last.values()].join('; ') : this.rival;
  }
}
