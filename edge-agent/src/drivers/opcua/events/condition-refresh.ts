/** Asks a server for its present conditions: they come as events, between a RefreshStart and a RefreshEnd (OPC 10000-9 5.5.7). */
import { DataType, type Session } from '../library.ts';

const conditionType = 'i=2782';
const conditionRefresh = 'i=3875';

/** The name of the status. Many servers have no conditions and refuse: that is no trouble. */
export async function refreshConditions(session: Pick<Session, 'call'>, subscriptionId: number): Promise<string> {
  const { statusCode } = await session.call({
    objectId: conditionType,
    methodId: conditionRefresh,
    inputArguments: [{ dataType: DataType.UInt32, value: subscriptionId }],
  });
  return statusCode.name;
}
