/**
 * The home of node-opcua: nobody else imports it. Importing this file costs 0.4 s and 90 MB, so the registry imports this
 * folder only when a device needs it. The client part alone is imported: the whole package costs 16 MB more.
 */
import type { KeyObject } from 'node:crypto';
import type { BinaryStream } from 'node-opcua-binary-stream';
import type {
  ClientSession,
  ClientSessionPublishService,
  ClientSessionRawSubscriptionService,
  HistoryReadRequest,
  HistoryReadResponse,
  Request,
  Response,
} from 'node-opcua-client';
import {
  crypto_utils,
  DataType,
  ExtraDataTypeManager,
  type NodeId,
  ObjectTypeIds,
  type OPCUAClientOptions,
  setErrorLogger,
  setWarningLogger,
} from 'node-opcua-client';
import { type BaseUAObject, findBuiltInType, getStandardDataTypeFactory } from 'node-opcua-factory';

export { BinaryStream } from 'node-opcua-binary-stream';
export type { BrowseResult, StatusCode, UserIdentityInfo } from 'node-opcua-client';
export {
  AttributeIds,
  BrowseDirection,
  BrowseRequest,
  BrowseResponse,
  CallRequest,
  CallResponse,
  coerceNodeId,
  crypto_utils as cryptography,
  DataChangeFilter,
  DataChangeNotification,
  DataChangeTrigger,
  DataType,
  DataValue,
  DeadbandType,
  EndpointDescription,
  HistoryData,
  HistoryReadRequest,
  type HistoryReadResponse,
  LocalizedText,
  MessageSecurityMode,
  type ModifyMonitoredItemsResponse,
  type MonitoredItemCreateResult,
  MonitoringMode,
  makeApplicationUrn,
  NodeId,
  type NotificationMessage,
  OPCUAClient,
  PublishRequest,
  type PublishResponse,
  ReadRawModifiedDetails,
  ReadRequest,
  ReadResponse,
  RepublishRequest,
  type RepublishResponse,
  SecurityPolicy,
  StatusChangeNotification,
  StatusCodes,
  sameNodeId,
  TimestampsToReturn,
  type TransferSubscriptionsResponse,
  UserTokenType,
  Variant,
  VariantArrayType,
  WriteRequest,
  WriteResponse,
} from 'node-opcua-client';
export { OpaqueStructure } from 'node-opcua-extension-object';
export { BaseUAObject as LibraryObject, FieldCategory, findBuiltInType } from 'node-opcua-factory';
export { NumericRange } from 'node-opcua-numeric-range';
export {
  ElementOperand,
  EnumDefinition,
  EnumValueType,
  type EventFieldList,
  EventFilter,
  EventFilterResult,
  EventNotificationList,
  FilterOperator,
  LiteralOperand,
  type MonitoredItemNotification,
  SimpleAttributeOperand,
  StructureDefinition,
  StructureType,
} from 'node-opcua-types';

/**
 * A session with the services that the library's own subscription object is built on. We stand on these, not on that object,
 * because it acknowledges by itself, keeps an emitter per item, and brings subscriptions back in its own way.
 */
export type Session = ClientSession &
  ClientSessionRawSubscriptionService &
  ClientSessionPublishService &
  ReadsHistory &
  SendsOnce;

type ReadsHistory = {
  historyRead(request: HistoryReadRequest, answer: (error: Error | null, response?: HistoryReadResponse) => void): void;
};

type Send = (request: Request, answered: (error: Error | null, response?: Response) => void) => void;
type SendsOnce = { readonly _performMessageTransaction: Send; performMessageTransaction: Send };

/**
 * All services of the library's session send a request again when the server no longer knows the session, in another session that they
 * make by themselves: a session that nobody closes, and a write that nobody ordered. Here all of them send once.
 */
function sendNothingAgain(session: Session): void {
  session.performMessageTransaction = session._performMessageTransaction;
}

/** What is told before this returns was not sent. */
export function sendOnce(
  session: Session,
  request: Request,
  answered: (error: Error | null, response?: Response) => void,
): void {
  session.performMessageTransaction(request, answered);
}

/** The seam is documented in the library, but not part of its session type: an update that closes it is noticed here. */
export function withRawServices(session: ClientSession): Session {
  if (!hasRawServices(session))
    throw new TypeError('this version of node-opcua-client has no raw subscription services');
  leaveStructuresAlone(session);
  sendNothingAgain(session);
  return session;
}

/**
 * With the first structure that it reads, the library would ask the server for all of its types and make classes of them. It does not
 * where it believes to know them already; structures then stay the bytes that came, as they do in publish responses.
 */
function leaveStructuresAlone(session: ClientSession): void {
  Reflect.set(session, '$$extraDataTypeManager', new ExtraDataTypeManager());
}

const typeNames = new Map(Object.entries(ObjectTypeIds).map(([name, id]) => [Number(id), name]));

/** Of a type of objects or events that the specification describes, e.g. OffNormalAlarmType; null for any other. */
export const standardTypeName = ({ namespace, value }: NodeId): string | null =>
  namespace === 0 && typeof value === 'number' ? (typeNames.get(value) ?? null) : null;

/** Of a structure that the specification describes; null for any other type. */
export function standardStructure(type: NodeId): (() => BaseUAObject) | null {
  if (type.namespace !== 0) return null;
  const Structure = getStandardDataTypeFactory().getStructureInfoForDataType(type)?.constructor;
  return Structure === undefined || Structure === null ? null : () => new Structure();
}

export const decoderOf = (dataType: DataType): ((stream: BinaryStream) => unknown) => {
  const { name, decode } = findBuiltInType(DataType[dataType]);
  if (decode === undefined) throw new TypeError(`this version of node-opcua-client does not decode ${name}`);
  return decode;
};

const hasRawServices = (session: ClientSession): session is Session =>
  [
    'createSubscription',
    'createMonitoredItems',
    'modifyMonitoredItems',
    'deleteMonitoredItems',
    'publish',
    'republish',
    'transferSubscriptions',
    'performMessageTransaction',
    'historyRead',
    '_performMessageTransaction',
  ].every((service) => service in session);

/** The answer of a service whose type knows only the form with a callback. */
export function answerOf<Response>(
  ask: (answer: (error: Error | null, response?: Response) => void) => void,
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  ask((error, response) => {
    if (error !== null || response === undefined) reject(error ?? new Error('the library gave no answer'));
    else resolve(response);
  });
  return promise;
}

/** Our certificate, DER, with those of its authorities behind it, and its key: with these the library keeps no folder of its own. */
export function keyPairOf(
  chain: readonly Buffer[],
  key: KeyObject,
): NonNullable<OPCUAClientOptions['certificateKeyPairProvider']> {
  const [certificate = Buffer.alloc(0)] = chain;
  const privateKey = crypto_utils.makePrivateKeyFromPem(key.export({ type: 'pkcs8', format: 'pem' }).toString());
  return {
    getCertificate: () => certificate,
    getCertificateChain: () => [...chain],
    getPrivateKey: () => privateKey,
  };
}

/** The library prints to the console by itself; what it says there goes to `print` instead. For the whole process. */
export function redirectLibraryMessages(print: (message: string) => void): void {
  const printAll = (_context: unknown, ...parts: unknown[]): void => print(parts.map(String).join(' '));
  setWarningLogger(printAll);
  setErrorLogger(printAll);
}
