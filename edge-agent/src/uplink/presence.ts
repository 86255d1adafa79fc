/** What a session says of the gateway beside its batches, and what it hears from the cloud: state, births, acknowledgements, commands. */
import {
  type AckMessage,
  ackSchema,
  decodeMessage,
  encodeMessage,
  type StateMessage,
  topicOf,
} from '@fieldline/shared/contracts';
import type { Clock, Log } from '@fieldline/shared/runtime';
import { errorFields } from '../error-fields.ts';
import type { Session } from './session.ts';

export type StateReason = StateMessage['reason'];

export type PresenceOptions = {
  readonly gateway: string;
  /** Whether the acknowledgements of the cloud are wanted. */
  readonly listens: boolean;
  /** The state of the gateway as of now. */
  readonly stateOf: (reason: StateReason) => StateMessage;
  readonly births: () => readonly Buffer[];
  readonly onAck: (ack: AckMessage) => void;
  /** null where no commands are taken: then they are not even subscribed to. */
  readonly onCommand: ((bytes: Buffer, isRetained: boolean) => void) | null;
  readonly clock: Clock;
  readonly log: Log;
};

/** How often it is looked whether the state has changed, and how often it is published in any case. */
export const stateCheckMs = 3_000;
const stateEveryMs = 30_000;

export class Presence {
  private readonly options: PresenceOptions;
  private stated = { summary: '', atMs: 0 };

  constructor(options: PresenceOptions) {
    this.options = options;
  }

  will(): { readonly topic: string; readonly payload: Buffer } {
    const { gateway, stateOf } = this.options;
    return { topic: topicOf(gateway, 'state'), payload: encodeMessage({ ...stateOf('lost'), online: false }) };
  }

  async inform(session: Session, reason: StateReason): Promise<void> {
    const { gateway, listens, births } = this.options;
    const subscribed = Promise.all([listens ? this.listenForAcks(session) : null, this.listenForCommands(session)]);
    await this.publishState(session, reason);
    for (const birth of births()) await session.publish(topicOf(gateway, 'birth'), birth);
    await subscribed;
  }

  async publishState(session: Session, reason: StateReason): Promise<void> {
    const { gateway, stateOf, clock } = this.options;
    const state = stateOf(reason);
    this.stated = { summary: summaryOf(state), atMs: clock.monotonicMs() };
    await session.publish(topicOf(gateway, 'state'), encodeMessage(state), { retain: true });
  }

  /** Until the session ends. */
  watchState(session: Session): void {
    const timer = setInterval(() => {
      const isOld = this.options.clock.monotonicMs() - this.stated.atMs >= stateEveryMs;
      if (isOld || summaryOf(this.options.stateOf('running')) !== this.stated.summary) {
        this.publishState(session, 'running').catch(() => {});
      }
    }, stateCheckMs);
    session.ended.then(() => clearInterval(timer)).catch(() => {});
  }

  private async listenForAcks(session: Session): Promise<void> {
    const { gateway, onAck, log } = this.options;
    const topic = topicOf(gateway, 'ack');
    const onMessage = (bytes: Buffer): void => {
      try {
        onAck(decodeMessage(ackSchema, bytes, gateway));
      } catch (error) {
        log.warn({ ...errorFields(error), topic }, 'a commit acknowledgement cannot be read: ignored');
      }
    };
    const isAllowed = await subscribe(session, topic, onMessage);
    if (isAllowed !== true) {
      log.error(
        { ...errorFields(isAllowed), topic },
        'the broker does not let the agent subscribe to its acknowledgements: allow it there, or set uplink.confirm to broker',
      );
    }
  }

  private async listenForCommands(session: Session): Promise<void> {
    const { gateway, onCommand, log } = this.options;
    if (onCommand === null) return;
    const topic = topicOf(gateway, 'command');
    const isAllowed = await subscribe(session, topic, onCommand);
    if (isAllowed !== true) {
      log.error(
        { ...errorFields(isAllowed), topic },
        'the broker does not let the agent subscribe to its commands: allow it there, or set commands.enabled to false',
      );
    }
  }
}

/** True, or why the broker refused; it refused nothing where the session ended before its answer. */
async function subscribe(
  session: Session,
  topic: string,
  onMessage: (bytes: Buffer, isRetained: boolean) => void,
): Promise<unknown> {
  let isOver = false;
  session.ended.then(() => {
    isOver = true;
  }, null);
  try {
    await session.subscribe(topic, onMessage);
    return true;
  } catch (error) {
    return isOver ? true : error;
  }
}

/** What makes a state worth telling at once: a stream or its oldest batches came or went. Growth alone does not. */
const summaryOf = (state: StateMessage): string =>
  state.streams.map(({ stream, held }) => `${stream} ${held[0]?.[0] ?? 0}`).join();
