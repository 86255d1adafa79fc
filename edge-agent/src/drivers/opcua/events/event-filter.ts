/** What is asked of the server for the events of a tag: which fields, and of which events (OPC 10000-4 7.22.3). */
import type { OpcuaTag } from '@fieldline/shared/config';
import { type NamespaceName, parsePath } from '@fieldline/shared/config/opcua-path';
import {
  AttributeIds,
  coerceNodeId,
  DataType,
  ElementOperand,
  EventFilter,
  EventFilterResult,
  FilterOperator,
  LiteralOperand,
  type NodeId,
  SimpleAttributeOperand,
} from '../library.ts';
import { type NodeName, namespaceIndex, parseNodeName, resolveNode } from '../nodes/node-id.ts';

export type EventField = {
  /** Its name in the sample. */
  readonly name: string;
  readonly path: readonly { readonly namespace: NamespaceName; readonly name: string }[];
};

export type EventsPlan = {
  readonly type: NodeName;
  readonly fields: readonly EventField[];
  readonly minSeverity: number;
  readonly queueSize: number;
};

export function planEvents({ type, fields, minSeverity = 0, queueSize }: NonNullable<OpcuaTag['events']>): EventsPlan {
  return { type: parseNodeName(type), fields: fields.map(fieldOf), minSeverity, queueSize };
}

function fieldOf(text: string): EventField {
  const path = (parsePath(text) ?? []).map(({ namespace, texts }) => ({
    namespace: namespace ?? { index: 0 },
    name: texts.join('*'),
  }));
  return { name: path.map(({ name }) => name).join('/'), path };
}

const standard = (...path: readonly string[]): EventField => ({
  name: path.join('/'),
  path: path.map((name) => ({ namespace: { index: 0 }, name })),
});

/** They stand before those that the settings name: what a sample is made of by itself. */
export const ownFields = {
  eventId: 0,
  eventType: 1,
  time: 2,
  severity: 3,
  conditionId: 4,
  branchId: 5,
  retain: 6,
} as const;
const own = ['EventId', 'EventType', 'Time', 'Severity', '', 'BranchId', 'Retain'].map((name) =>
  name === '' ? standard() : standard(name),
);
export const ownFieldCount = own.length;

const baseEvent = 'i=2041';
const condition = 'i=2782';
/** Which type declares the fields of conditions: many servers look for them there only. */
const declaredBy = new Map<string, string>([
  ...[
    'EventId',
    'EventType',
    'SourceNode',
    'SourceName',
    'Time',
    'ReceiveTime',
    'LocalTime',
    'Message',
    'Severity',
  ].map((name) => [name, baseEvent] as const),
  ...[
    '',
    'ConditionName',
    'BranchId',
    'Retain',
    'EnabledState',
    'Quality',
    'LastSeverity',
    'Comment',
    'ClientUserId',
  ].map((name) => [name, condition] as const),
  ...['AckedState', 'ConfirmedState'].map((name) => [name, 'i=2881'] as const),
  ...['ActiveState', 'SuppressedState', 'ShelvingState', 'SuppressedOrShelved', 'InputNode'].map(
    (name) => [name, 'i=2915'] as const,
  ),
]);

export type BuiltFilter = { readonly filter: EventFilter } | { readonly reason: string };

/** What a server refused of a filter: small ones know no conditions, and refuse a filter with anything that they do not know. */
export type RefusedParts = {
  /** By its position. */
  readonly isFieldRefused: (position: number) => boolean;
  readonly isTypeRefused: boolean;
};

const nothingRefused: RefusedParts = { isFieldRefused: () => false, isTypeRefused: false };

/** One that says nothing of the parts may have refused any of them. */
export function refusedParts(result: unknown): RefusedParts {
  if (!(result instanceof EventFilterResult)) return { isFieldRefused: () => true, isTypeRefused: true };
  const { selectClauseResults, whereClauseResult } = result;
  return {
    isFieldRefused: (position) => selectClauseResults?.[position]?.isGood() === false,
    isTypeRefused: (whereClauseResult.elementResults ?? []).some(({ statusCode }) => !statusCode.isGood()),
  };
}

/** `namespaces`: of the server, at this connection. `refused`: of the same filter, just before. */
export function eventFilter(plan: EventsPlan, namespaces: readonly string[], refused = nothingRefused): BuiltFilter {
  const type = resolveNode(plan.type, namespaces);
  if ('reason' in type) return type;
  const selectClauses: SimpleAttributeOperand[] = [];
  for (const [position, field] of [...own, ...plan.fields].entries()) {
    const operand = select(field, type.nodeId, namespaces, refused.isFieldRefused(position));
    if ('reason' in operand) return operand;
    selectClauses.push(operand);
  }
  return { filter: new EventFilter({ selectClauses, whereClause: whereClause(plan, type.nodeId, refused) }) };
}

/** Of the base type, servers look for a name whatever type declares it (OPC 10000-4 7.7.4.5), and an event without it gives none. */
function select(
  { path }: EventField,
  type: NodeId,
  namespaces: readonly string[],
  isRefused: boolean,
): SimpleAttributeOperand | { readonly reason: string } {
  const browsePath: { readonly namespaceIndex: number; readonly name: string }[] = [];
  for (const { namespace, name } of isRefused && path.length === 0 ? standard('ConditionId').path : path) {
    const index = namespaceIndex(namespace, namespaces);
    if (typeof index !== 'number') return index;
    browsePath.push({ namespaceIndex: index, name });
  }
  const [first = { namespaceIndex: 0, name: '' }] = browsePath;
  const byName = first.namespaceIndex === 0 ? declaredBy.get(first.name) : undefined;
  const declared = isRefused ? baseEvent : byName;
  return new SimpleAttributeOperand({
    typeDefinitionId: declared === undefined ? type : coerceNodeId(declared, 0),
    browsePath,
    // The condition itself has no value; it is known by its node.
    attributeId: browsePath.length === 0 ? AttributeIds.NodeId : AttributeIds.Value,
  });
}

type Operation = { readonly operator: FilterOperator; readonly operands: readonly Operand[] };
type Operand = Operation | LiteralOperand | SimpleAttributeOperand;

const ofType = (type: NodeId): Operation => ({
  operator: FilterOperator.OfType,
  operands: [new LiteralOperand({ value: { dataType: DataType.NodeId, value: type } })],
});

/** RefreshStart, RefreshEnd and RefreshRequired: servers hold them back as well where the filter does. */
const refreshTypes = ['i=2787', 'i=2788', 'i=2789'];

function whereClause({ minSeverity }: EventsPlan, type: NodeId, { isTypeRefused }: RefusedParts) {
  const wanted: Operation[] = [];
  if (type.toString() !== coerceNodeId(baseEvent, 0).toString()) wanted.push(ofType(type));
  if (minSeverity > 0) {
    const severity = new SimpleAttributeOperand({
      typeDefinitionId: coerceNodeId(baseEvent, 0),
      browsePath: [{ namespaceIndex: 0, name: 'Severity' }],
      attributeId: AttributeIds.Value,
    });
    const least = new LiteralOperand({ value: { dataType: DataType.UInt16, value: minSeverity } });
    wanted.push({ operator: FilterOperator.GreaterThanOrEqual, operands: [severity, least] });
  }
  const [first, ...others] = wanted;
  if (first === undefined) return { elements: [] };
  const both = others.reduce((left, right) => ({ operator: FilterOperator.And, operands: [left, right] }), first);
  // One that does not know these types has nothing to refresh.
  const all = (isTypeRefused ? [] : refreshTypes).reduce<Operation>(
    (left, each) => ({ operator: FilterOperator.Or, operands: [left, ofType(coerceNodeId(each, 0))] }),
    both,
  );
  return { elements: elementsOf(all) };
}

/** The root first; operations within another one are named by their position. */
function elementsOf(root: Operation) {
  const operations = [root];
  const elements: { filterOperator: FilterOperator; filterOperands: FilterOperand[] }[] = [];
  // The list grows while it is walked.
  for (const { operator, operands } of operations) {
    const filterOperands = operands.map((operand) =>
      'operator' in operand ? new ElementOperand({ index: operations.push(operand) - 1 }) : operand,
    );
    elements.push({ filterOperator: operator, filterOperands });
  }
  return elements;
}

type FilterOperand = LiteralOperand | SimpleAttributeOperand | ElementOperand;
