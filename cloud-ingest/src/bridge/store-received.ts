/**
 * Makes received messages durable: in the backbone, or, where it can never take one, as a dead letter. Returns only when all
 * are; it tries again as long as it takes. Nothing here is dropped. Calls run side by side while all goes well; from the first
 * trouble on each waits for its turn, so that what is tried again keeps the order of reception.
 */
import { backboneTopics, FieldlineError, isFieldlineError } from '@fieldline/shared/contracts';
import { explain, type Log, retry } from '@fieldline/shared/runtime';
import type { Backbone } from '../backbone/backbone.ts';
import type { DeadLetterSink } from '../dead-letters/dead-letter.ts';
import { isOfGateway, type MessageOfGateway, type ReceivedMessage, toHeaders, toRecord } from './to-record.ts';

export type StoreParts = {
  readonly backbone: Pick<Backbone, 'append'>;
  readonly deadLetter: DeadLetterSink;
  readonly log: Log;
  /** null when the last try went well. */
  readonly onTrouble: (trouble: string | null) => void;
  readonly onStored: (messages: number, bytes: number) => void;
  readonly onDeadLetter: (code: string) => void;
};

const firstPauseMs = 100;
const maxPauseMs = 5_000;

/**
 * `turn`: resolves when all that was received before is durable.
 * @throws the last error when the signal is aborted: then nobody may acknowledge
 */
export type StoreReceived = (
  messages: readonly ReceivedMessage[],
  turn: Promise<void>,
  signal: AbortSignal,
) => Promise<void>;

export function createStoreReceived(parts: StoreParts): StoreReceived {
  const { backbone, deadLetter, log, onTrouble, onStored, onDeadLetter } = parts;
  let trouble: string | null = null;

  function say(text: string | null): void {
    if (text !== trouble) {
      if (text === null) log.info('messages flow again');
      else log.warn(`PUBACK is withheld: ${text}`);
    }
    trouble = text;
    onTrouble(text);
  }

  async function untilDone(attempt: () => Promise<void>, signal: AbortSignal): Promise<void> {
    await retry(attempt, {
      firstMs: firstPauseMs,
      maxMs: maxPauseMs,
      signal,
      // Whatever it is, somebody will mend it: the broker keeps the messages until then.
      retryable: (error) => !isFieldlineError(error, 'record/too-large'),
      onRetry: (error) => say(explain(error)),
    });
    say(null);
  }

  async function bury(message: ReceivedMessage, error: FieldlineError, signal: AbortSignal): Promise<void> {
    const letter = {
      receivedAt: message.receivedAt,
      gateway: message.gateway,
      stage: 'bridge' as const,
      code: error.code,
      reason: error.message,
      topic: message.topic,
      partition: null,
      offset: null,
      positions: null,
      bytes: message.payload,
      headers: toHeaders(message),
    };
    await untilDone(() => deadLetter(letter), signal);
    log.warn({ topic: message.topic, code: error.code, bytes: message.payload.length }, error.message);
    onDeadLetter(error.code);
  }

  async function store(messages: readonly MessageOfGateway[], turn: Promise<void>, signal: AbortSignal): Promise<void> {
    const records = messages.map(toRecord);
    try {
      await untilDone(async () => {
        if (trouble !== null) await turn;
        await backbone.append(backboneTopics.raw, records);
      }, signal);
    } catch (error) {
      const [only] = messages;
      if (!isFieldlineError(error, 'record/too-large') || only === undefined) throw error;
      if (messages.length === 1) await bury(only, error, signal);
      // One of them is too large: alone, each shows whether it is the one.
      else for (const message of messages) await store([message], turn, signal);
      return;
    }
    onStored(
      records.length,
      records.reduce((sum, { value }) => sum + value.length, 0),
    );
  }

  return async (messages, turn, signal) => {
    const ours = messages.filter(isOfGateway);
    if (ours.length > 0) await store(ours, turn, signal);
    for (const message of messages) {
      if (isOfGateway(message)) continue;
      await bury(message, new FieldlineError('topic/unknown', `${message.topic} names no gateway`), signal);
    }
  };
}
