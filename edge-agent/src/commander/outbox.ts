import { type AnswerMessage, encodeMessage } from '@fieldline/shared/contracts';

/** Resolves when the broker has it. */
export type PublishAnswer = (bytes: Buffer) => Promise<void>;

/** Answers that the broker does not have yet: beyond this the oldest go. Who sends a command again is answered again. */
export const maxUnsent = 256;

/** Sends answers, also those that were made while there was no session. */
export class Outbox {
  private readonly unsent = new Set<Buffer>();
  private readonly onDropped: () => void;
  private publish: PublishAnswer | null = null;

  constructor(onDropped: () => void) {
    this.onDropped = onDropped;
  }

  connected(publish: PublishAnswer): void {
    this.publish = publish;
    for (const bytes of this.unsent) void this.send(bytes, publish);
  }

  disconnected(): void {
    this.publish = null;
  }

  add(answer: AnswerMessage): void {
    const bytes = encodeMessage(answer);
    this.unsent.add(bytes);
    const [oldest] = this.unsent;
    if (this.unsent.size > maxUnsent && oldest !== undefined) {
      this.unsent.delete(oldest);
      this.onDropped();
    }
    if (this.publish !== null) void this.send(bytes, this.publish);
  }

  /** What the broker does not take is tried again in the next session. */
  private async send(bytes: Buffer, publish: PublishAnswer): Promise<void> {
    try {
      await publish(bytes);
      this.unsent.delete(bytes);
    } catch {
      // It stays.
    }
  }
}
