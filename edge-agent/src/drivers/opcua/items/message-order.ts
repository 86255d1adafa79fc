/**
 * The messages of one subscription in the order of their numbers, each once, whatever the line did to them. Invariants:
 *  - a message is delivered only after those before it, or after the server has said that it has those no more;
 *  - what waits for that is not delivered and so not acknowledged: if it is given up, the server still has it;
 *  - one that cannot be read has not come: it is asked for again, and if that does not help it is missing;
 *  - a keep-alive has the number of the message that comes next, and takes none (OPC 10000-4 5.14.1.1).
 */
import {
  AttributeIds,
  answerOf,
  DataChangeNotification,
  type DataValue,
  EventNotificationList,
  type NotificationMessage,
  RepublishRequest,
  type RepublishResponse,
  type Session,
} from '../library.ts';
import { mentions } from '../trouble.ts';

export type Republishes = Pick<Session, 'republish'> & {
  readonly read: (node: { nodeId: string; attributeId: AttributeIds }) => Promise<DataValue>;
};

export type MessageOrder = {
  /** Another one after a transfer. */
  session: Republishes;
  /** Messages with data and keep-alives, as they come. */
  readonly take: (message: NotificationMessage) => void;
  /** Asks for everything that was sent and did not come. False: the server has no such subscription any more. */
  readonly catchUp: () => Promise<boolean>;
};

export type MessageOrderOptions = {
  readonly session: Republishes;
  readonly subscriptionId: number;
  readonly deliver: (message: NotificationMessage, isRepublished: boolean) => void;
  /**
   * So many messages before this one are lost for good; told before it is delivered, and after those that came before them. With an
   * `error`: this one could not be delivered, and why.
   */
  readonly onMissing: (count: number, before: NotificationMessage, error?: unknown) => void;
  readonly onRepeated: (message: NotificationMessage) => void;
};

const lastNumber = 0xffff_ffff;
/** Of a subscription: 1 is the first, and follows the last. */
const following = (number: number): number => (number % lastNumber) + 1;

/** How far a number is ahead of the one that is expected; negative for one that came already. */
function aheadBy(expected: number, number: number): number {
  const ahead = (number - expected + lastNumber) % lastNumber;
  return ahead > lastNumber / 2 ? ahead - lastNumber : ahead;
}

/** Servers keep far fewer; what is beyond counts as missing. */
const maxRepublished = 1_000;
/** Messages that wait for those before them; then these are given up. */
const maxHeld = 100;

/** Server_ServerStatus_CurrentTime: every server has it. */
const currentTime = 'i=2258';

/** What the answer to one Republish means. */
type Republished = NotificationMessage | 'not-available' | 'not-supported' | 'no-subscription';

export function createMessageOrder(options: MessageOrderOptions): MessageOrder {
  const { subscriptionId, deliver, onMissing, onRepeated } = options;
  let expected: number | null = null;
  /** null: nothing is being waited for. */
  let held: NotificationMessage[] | null = null;

  const order: MessageOrder = { session: options.session, take, catchUp };
  return order;

  function take(message: NotificationMessage): void {
    if (held === null) place(message);
    else if (held.push(message) > maxHeld) proceed([]);
  }

  function place(message: NotificationMessage): void {
    expected ??= message.sequenceNumber;
    const ahead = aheadBy(expected, message.sequenceNumber);
    const isMissing = ahead === 0 && isUnreadable(message);
    if (ahead > 0 || isMissing) {
      held = [message];
      void recover(isMissing ? 1 : ahead);
    } else if (isKeepAlive(message)) deliver(message, false);
    else if (ahead < 0) onRepeated(message);
    else deliverNext(message, false);
  }

  function deliverNext(message: NotificationMessage, isRepublished: boolean): void {
    expected = following(message.sequenceNumber);
    try {
      deliver(message, isRepublished);
    } catch (error) {
      // Whoever called us, the library, would keep it to itself.
      onMissing(1, message, error);
    }
  }

  /** Those before the first that is held. */
  async function recover(count: number): Promise<void> {
    const waiting = held;
    const found: (NotificationMessage | null)[] = [];
    try {
      let number = expected ?? 1;
      for (let asked = 0; asked < Math.min(count, maxRepublished); asked++, number = following(number)) {
        const answer = await republish(order.session, subscriptionId, number);
        if (answer === 'not-supported' || answer === 'no-subscription') break;
        found.push(answer === 'not-available' ? null : answer);
      }
    } catch {
      // The line is lost, or the server is silent: what is held is asked for again, with what it waits for.
      if (held === waiting) held = null;
      return;
    }
    if (held === waiting) proceed(found);
  }

  /** `found`: what the server has given of those before the first that is held, in their order; null for one that it no longer has. */
  function proceed(found: readonly (NotificationMessage | null)[]): void {
    const [first, ...more] = held ?? [];
    held = null;
    if (first === undefined) return;
    const isMissing = expected === first.sequenceNumber;
    const next = isMissing ? following(first.sequenceNumber) : first.sequenceNumber;
    const unasked = aheadBy(expected ?? next, next) - found.length;
    let missing = 0;
    const tellMissing = (before: NotificationMessage): void => {
      if (missing > 0) onMissing(missing, before);
      missing = 0;
    };
    for (const message of found) {
      if (message === null) missing += 1;
      else {
        tellMissing(message);
        deliverNext(message, true);
      }
    }
    missing += unasked;
    tellMissing(first);
    expected = next;
    for (const message of isMissing ? more : [first, ...more]) take(message);
  }

  async function catchUp(): Promise<boolean> {
    held = null;
    for (let asked = 0; asked < maxRepublished; asked++) {
      const answer = await republish(order.session, subscriptionId, expected ?? 1);
      if (answer === 'no-subscription') return false;
      if (answer === 'not-supported' || answer === 'not-available') return true;
      deliverNext(answer, true);
    }
    return true;
  }
}

/**
 * The library leaves a notification that it cannot decode without content, and says nothing. One that a server sends empty on purpose looks
 * the same: it has no reason to.
 */
const isUnreadable = ({ notificationData }: NotificationMessage): boolean =>
  (notificationData ?? []).some(
    (each) =>
      (each instanceof DataChangeNotification && each.monitoredItems?.length === 0) ||
      (each instanceof EventNotificationList && each.events?.length === 0),
  );

export const isKeepAlive = ({ notificationData }: NotificationMessage): boolean =>
  (notificationData?.length ?? 0) === 0;

async function republish(session: Republishes, subscriptionId: number, number: number): Promise<Republished> {
  const request = new RepublishRequest({ subscriptionId, retransmitSequenceNumber: number });
  try {
    const { notificationMessage } = await answerOf<RepublishResponse>((answer) => session.republish(request, answer));
    // Some servers answer with an empty message where they have none.
    return isKeepAlive(notificationMessage) || isUnreadable(notificationMessage)
      ? 'not-available'
      : notificationMessage;
  } catch (error) {
    const meaning = meaningOf(error) ?? (await meaningOfSilence(session, error));
    if (meaning === null) throw error;
    return meaning;
  }
}

/** The library drops an answer that it cannot decode at all. Where the server answers another question meanwhile, it was that. */
async function meaningOfSilence(session: Republishes, error: unknown): Promise<'not-available' | null> {
  if (!mentions(error, 'timed out')) return null;
  const { statusCode } = await session.read({ nodeId: currentTime, attributeId: AttributeIds.Value });
  return statusCode.isGood() ? 'not-available' : null;
}

/** null: no answer to the question. */
function meaningOf(error: unknown): Exclude<Republished, NotificationMessage> | null {
  if (mentions(error, 'BadMessageNotAvailable')) return 'not-available';
  if (mentions(error, 'BadSubscriptionIdInvalid')) return 'no-subscription';
  return mentions(error, 'BadServiceUnsupported') || mentions(error, 'BadNotImplemented') ? 'not-supported' : null;
}
