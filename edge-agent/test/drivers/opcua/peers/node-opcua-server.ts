/** An OPC UA server in a process of its own, so that a test can kill it. Its settings come as JSON in the first argument. */
import {
  CallRequest,
  DataType,
  DataValue,
  MessageSecurityMode,
  type Namespace,
  OPCUACertificateManager,
  OPCUAServer,
  resolveNodeId,
  SecurityPolicy,
  type ServerSession,
  StatusCode,
  StatusCodes,
  type UAVariable,
  WriteRequest,
} from 'node-opcua';
import type { CalledMethod, ServerCommand, ServerSettings, WrittenNode } from './node-opcua.ts';
import { addAlarm, addManualAlarm, addMethod } from './node-opcua-methods.ts';

const settings: ServerSettings = JSON.parse(process.argv[2] ?? '{}');
const { port, folder, namespaces, nodes, users, trustEveryone, itemsPerCall, tellLimits, transferable } = settings;

const certificates = new OPCUACertificateManager({
  rootFolder: folder,
  automaticallyAcceptUnknownCertificate: trustEveryone,
});
await certificates.initialize();
const server = new OPCUAServer({
  port,
  host: '127.0.0.1',
  ...(settings.hostname === undefined ? {} : { hostname: settings.hostname }),
  resourcePath: '/plant',
  serverCertificateManager: certificates,
  securityModes: [MessageSecurityMode.None, MessageSecurityMode.SignAndEncrypt, MessageSecurityMode.Sign],
  securityPolicies: [SecurityPolicy.None, SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes256_Sha256_RsaPss],
  allowAnonymous: users === undefined,
  userManager: { isValidUser: (name: string, password: string) => users?.[name] === password },
  allowAnonymousSubscriptionTransferOnUnsecuredChannel: transferable,
  serverCapabilities: {
    ...(settings.maxSessions === undefined ? {} : { maxSessions: settings.maxSessions }),
    minSupportedSampleRate: 0,
    operationLimits: { maxMonitoredItemsPerCall: itemsPerCall },
  },
});
await server.initialize();

const space = server.engine.addressSpace;
if (space === null) throw new Error('the server has no address space');
for (const uri of namespaces) space.registerNamespace(uri);
const variables = new Map<string, UAVariable>();
for (const node of nodes) add(node);
for (const method of settings.methods ?? []) addMethod(space, method);
if (settings.alarms !== undefined) space.installAlarmsAndConditionsService();
const alarms = new Map((settings.alarms ?? []).map((name) => [name, addManualAlarm(space, name)]));
if (settings.hasAlarm) addAlarm(space, variables.get('level'));
if (!tellLimits) space.deleteNode(resolveNodeId('i=11714'));
/** What clients wrote and called, as it came over the wire. */
const written: WrittenNode[] = [];
const called: CalledMethod[] = [];
server.on('request', (request: unknown) => {
  for (const { nodeId, value } of (request instanceof WriteRequest ? request.nodesToWrite : null) ?? []) {
    const hasMore = !value.statusCode.isGood() || value.sourceTimestamp !== null || value.serverTimestamp !== null;
    written.push({ node: nodeId.toString(), dataType: DataType[value.value.dataType], hasMore });
  }
  for (const { methodId, objectId, inputArguments } of (request instanceof CallRequest
    ? request.methodsToCall
    : null) ?? []) {
    const inputs = (inputArguments ?? []).map(({ dataType, value }) => `${DataType[dataType]} ${value?.text ?? value}`);
    called.push({ method: methodId.toString(), object: objectId.toString(), inputs });
  }
});
await server.start();

function add(node: ServerSettings['nodes'][number]): void {
  if (space === null) return;
  const { namespace, name, dataType, value, range, writing, isRecorded = false } = node;
  // The type of a namespace leaves out what it can add of data access.
  const owner = space.getNamespace(namespace) as Namespace;
  const described = {
    organizedBy: space.rootFolder.objects,
    browseName: name,
    ...(isRecorded ? { accessLevel: 'CurrentRead | HistoryRead', userAccessLevel: 'CurrentRead | HistoryRead' } : {}),
    nodeId: `s=${name}`,
    dataType,
    // Sampling at 0 reports each change.
    minimumSamplingInterval: 0,
    ...(writing?.access === undefined ? {} : { accessLevel: writing.access, userAccessLevel: writing.access }),
    ...(writing?.rank === undefined ? {} : { valueRank: writing.rank }),
  };
  const variable =
    range === undefined
      ? owner.addVariable(described)
      : owner.addAnalogDataItem({ ...described, engineeringUnitsRange: range });
  if (writing?.answer !== undefined) answerWrites(variable, writing.answer, writing.afterMs ?? 0);
  if (isRecorded) space.installHistoricalDataNode(variable, { maxOnlineValues: 10_000 });
  if (value !== undefined) variable.setValueFromSource({ dataType, value: revive(value) });
  variables.set(name, variable);
}

/** The value is taken whatever is answered, as a server does that tells the device behind it and then hears nothing. */
function answerWrites(variable: UAVariable, answer: string, afterMs: number): void {
  const status = Object.entries(StatusCodes).find(([name]) => name === answer)?.[1] ?? StatusCodes.Good;
  let held = variable.readValue();
  variable.bindVariable(
    {
      timestamped_get: () => held,
      timestamped_set: async ({ value }: DataValue) => {
        held = new DataValue({ value, sourceTimestamp: new Date() });
        await new Promise((resolve) => setTimeout(resolve, afterMs));
        return status;
      },
    },
    true,
  );
}

/** JSON has no 64-bit integers, dates, buffers, NaN or undefined. */
function revive(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if ('date' in value) return new Date(String(value.date));
  if ('base64' in value) return Buffer.from(String(value.base64), 'base64');
  if ('number' in value) return Number(value.number);
  if ('nodeId' in value) return resolveNodeId(String(value.nodeId));
  return value;
}

/** Its own list is private. */
const sessions = (): ServerSession[] => Object.values(Reflect.get(server.engine, '_sessions'));
const subscriptions = () => sessions().flatMap(({ publishEngine }) => publishEngine.subscriptions);

function execute(command: ServerCommand): unknown {
  switch (command.do) {
    case 'set': {
      const { name, dataType, value, arrayType = 'Scalar', status = 'Good', overflow = false, sourceTimeMs } = command;
      const variable = variables.get(name);
      if (variable === undefined) throw new Error(`no node ${name}`);
      const code = StatusCode.makeStatusCode(StatusCodes[status], overflow ? 0x480 : 0);
      const variant = { dataType, value: revive(value), arrayType };
      variable.setValueFromSource(variant, code, new Date(sourceTimeMs));
      return true;
    }
    case 'alarm': {
      const alarm = alarms.get(command.name);
      if (command.active) alarm?.activateAlarm();
      else alarm?.deactivateAlarm(false);
      for (let left = command.times ?? 1; left > 0; left--)
        alarm?.raiseNewCondition({ message: command.message, severity: 700, retain: command.active });
      return true;
    }
    case 'add':
      add(command.node);
      return true;
    case 'add-method':
      if (space !== null) addMethod(space, command.method);
      return true;
    case 'written':
      return written;
    case 'called':
      return called;
    case 'delete': {
      const variable = variables.get(command.name);
      if (variable === undefined) throw new Error(`no node ${command.name}`);
      space?.deleteNode(variable);
      return variables.delete(command.name);
    }
    case 'sessions':
      return server.engine.currentSessionCount;
    case 'subscriptions':
      return server.engine.currentSubscriptionCount;
    case 'close-sessions': {
      for (const { authenticationToken } of sessions()) {
        server.engine.closeSession(authenticationToken, command.keepSubscriptions !== true, 'Forcing');
      }
      return true;
    }
    case 'forget-messages':
      // As a server does whose queue for them is full: its own list is private.
      return subscriptions().every((subscription) => Reflect.set(subscription, '_sent_notification_messages', []));
    case 'unacknowledged':
      return subscriptions().flatMap((subscription) => subscription.getAvailableSequenceNumbers());
    case 'subscription-ids':
      return subscriptions().map(({ id }) => id);
    case 'values-sent':
      return subscriptions().reduce(
        (sum, { subscriptionDiagnostics: { dataChangeNotificationsCount } }) => sum + dataChangeNotificationsCount,
        0,
      );
  }
}

process.on('message', ({ id, command }: { id: number; command: ServerCommand }) => {
  try {
    process.send?.({ id, answer: execute(command) });
  } catch (error) {
    process.send?.({ id, error: String(error) });
  }
});
process.send?.({ ready: true });
