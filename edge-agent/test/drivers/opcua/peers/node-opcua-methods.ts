/** Methods and an alarm of the server of node-opcua-server.ts. */
import {
  type CallbackT,
  type CallMethodResultOptions as MethodResult,
  type Namespace,
  NodeId,
  type OPCUAServer,
  StatusCodes,
  type UAAlarmConditionEx,
  type UAVariable,
  type Variant,
} from 'node-opcua';
import type { TestMethod } from './node-opcua.ts';

type AddressSpace = NonNullable<OPCUAServer['engine']['addressSpace']>;

export function addMethod(
  space: AddressSpace,
  { object, name, inputs, answer = 'Good', afterMs = 0 }: TestMethod,
): void {
  const plant = space.getNamespace('urn:plant');
  const found = plant.findNode(`s=${object}`);
  const owner =
    found ?? plant.addObject({ organizedBy: space.rootFolder.objects, browseName: object, nodeId: `s=${object}` });
  const listed = inputs.map(({ name: own, dataType, isList = false }) => ({
    name: own,
    dataType,
    valueRank: isList ? 1 : -1,
  }));
  const method = plant.addMethod(owner as Parameters<typeof plant.addMethod>[0], {
    browseName: name,
    nodeId: `s=${name}`,
    inputArguments: listed,
    outputArguments: listed.map((input) => ({ ...input, name: `${input.name}Given` })),
  });
  const statusCode = Object.entries(StatusCodes).find(([own]) => own === answer)?.[1] ?? StatusCodes.Good;
  method.bindMethod((given: Variant[], _context: unknown, done: CallbackT<MethodResult>) => {
    setTimeout(() => done(null, { statusCode, outputArguments: given }), afterMs);
  });
}

export function addAlarm(space: AddressSpace, level: UAVariable | undefined): void {
  if (level === undefined) throw new Error('the alarm needs the node level');
  const plant = space.getNamespace('urn:plant') as Namespace;
  const source = plant.addObject({
    organizedBy: space.rootFolder.objects,
    browseName: 'tank',
    eventSourceOf: space.rootFolder.objects.server,
  });
  plant.instantiateNonExclusiveLimitAlarm('NonExclusiveLimitAlarmType', {
    browseName: 'alarm',
    nodeId: 's=alarm',
    componentOf: source,
    conditionSource: source,
    inputNode: level,
    lowLimit: -10,
    highLimit: 10,
    optionals: ['Confirm', 'ConfirmedState'],
  });
}

/** It stands on nothing but what a test says of it. */
export function addManualAlarm(space: AddressSpace, name: string): UAAlarmConditionEx {
  const plant = space.getNamespace('urn:plant') as Namespace;
  const source = plant.addObject({
    organizedBy: space.rootFolder.objects,
    browseName: name,
    eventSourceOf: space.rootFolder.objects.server,
  });
  return plant.instantiateAlarmCondition('AlarmConditionType', {
    browseName: `${name}-alarm`,
    nodeId: `s=${name}-alarm`,
    componentOf: source,
    conditionSource: source,
    conditionName: name,
    inputNode: NodeId.nullNodeId,
  });
}
