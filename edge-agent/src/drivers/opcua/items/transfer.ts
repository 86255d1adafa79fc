/** Takes a subscription over from a session that is lost, or ends it. A server that refuses either is a normal one (OPC 10000-4 5.14.7). */
import { answerOf, type Session, type TransferSubscriptionsResponse } from '../library.ts';
import { mentions } from '../trouble.ts';

/** False: the server has it no more, gives it to nobody else, or knows no transfer. */
export async function transferSubscription(
  session: Pick<Session, 'transferSubscriptions'>,
  subscriptionId: number,
): Promise<boolean> {
  const request = { subscriptionIds: [subscriptionId], sendInitialValues: true };
  try {
    const { results } = await answerOf<TransferSubscriptionsResponse>((answer) =>
      session.transferSubscriptions(request, answer),
    );
    return results?.[0]?.statusCode.isGood() ?? false;
  } catch (error) {
    if (mentions(error, 'Bad')) return false;
    throw error;
  }
}

export async function deleteSubscription(
  session: Pick<Session, 'deleteSubscriptions'>,
  subscriptionId: number,
): Promise<void> {
  try {
    await answerOf((answer) => session.deleteSubscriptions({ subscriptionIds: [subscriptionId] }, answer));
  } catch (error) {
    if (!mentions(error, 'Bad')) throw error;
  }
}
