import { createBackoff } from '@fieldline/shared/runtime';
import type { Window } from './window.ts';

/** PUBACK, MQTT 5 clause 3.4.2.1: an implementation or administrative limit was exceeded. */
const quotaExceeded = 0x97;
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;
/** So many publishes taken in a row, and the broker has room again. */
const takenWhenOver = 16;

export type ThrottleHooks = {
  readonly random: () => number;
  readonly onPause: (pauseMs: number) => void;
  readonly onFlow: () => void;
};

/**
 * A broker that has enough says so in its answer to a publish. That publish keeps its place and is tried again after a
 * pause; pauses grow, and nothing else goes meanwhile. Without that, a whole backlog would be sent only to be refused.
 */
export class Throttle {
  private readonly window: Window;
  private readonly hooks: ThrottleHooks;
  private readonly backoff;
  private taken = takenWhenOver;
  private isOver = false;

  constructor(window: Window, hooks: ThrottleHooks) {
    this.window = window;
    this.hooks = hooks;
    this.backoff = createBackoff({ firstMs: firstPauseMs, maxMs: longestPauseMs, random: hooks.random });
  }

  /** @throws what the publish throws, unless the broker only wants it later */
  async run(publish: () => Promise<unknown>): Promise<void> {
    let isTaken = false;
    while (!isTaken) isTaken = await this.window.run(() => this.isTaken(publish));
  }

  /** Within the window: its place is not free for another one before it is known what the answer means for all. */
  private async isTaken(publish: () => Promise<unknown>): Promise<boolean> {
    try {
      await publish();
      this.flow();
      return true;
    } catch (error) {
      if (this.isOver || !isQuotaExceeded(error)) throw error;
      this.pause();
      return false;
    }
  }

  /** The session is over. */
  end(): void {
    this.isOver = true;
    this.window.release();
  }

  private pause(): void {
    this.taken = 0;
    // Of those that were under way together the first one decides.
    if (this.window.isClosed) return;
    const pauseMs = this.backoff.next();
    this.window.closeFor(pauseMs);
    this.hooks.onPause(pauseMs);
  }

  private flow(): void {
    if (this.taken === takenWhenOver) return;
    this.taken += 1;
    if (this.taken < takenWhenOver) {
      this.window.widen();
      return;
    }
    this.window.restore();
    this.backoff.reset();
    this.hooks.onFlow();
  }
}

const isQuotaExceeded = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === quotaExceeded;
