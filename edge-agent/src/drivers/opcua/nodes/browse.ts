/**
 * The children of nodes, by the Browse service. Invariants:
 *  - every continuation point that a server gives is followed to its end or released: servers have few of them;
 *  - at most `mostChildren` of one node are asked for, so that no folder fills the memory;
 *  - a node that cannot be browsed costs its own children only.
 */

import { BrowseDirection, type BrowseResult, coerceNodeId, type NodeId, type Session, sameNodeId } from '../library.ts';
import { type CallLimit, inCalls } from '../session/call-limit.ts';

export type NodeKind = 'object' | 'variable' | 'method' | 'other';

export type Child = {
  readonly nodeId: NodeId;
  readonly namespaceIndex: number;
  readonly name: string;
  readonly kind: NodeKind;
  /** Of objects and variables. */
  readonly type: NodeId | null;
  /** It says something of its parent, as EngineeringUnits does. */
  readonly isProperty: boolean;
};

export type Children = {
  readonly children: readonly Child[];
  /** null: these are all of them. */
  readonly trouble: string | null;
};

export type BrowseOptions = {
  readonly limit: CallLimit;
  /** Hierarchical ones, with their subtypes, unless it is stated. */
  readonly references?: NodeId;
  readonly direction?: 'forward' | 'inverse';
};

export const hierarchicalReferences = coerceNodeId('i=33', 0);
export const subtypeReferences = coerceNodeId('i=45', 0);
export const propertyReferences = coerceNodeId('i=46', 0);

/** Of one answer: about 200 kB. What is more comes by continuation points. */
const referencesPerAnswer = 1_000;
const mostChildren = 50_000;

/** Of each node its children, in their order. */
export function browseChildren(
  session: Session,
  nodes: readonly NodeId[],
  { limit, references = hierarchicalReferences, direction = 'forward' }: BrowseOptions,
): Promise<Children[]> {
  session.requestedMaxReferencesPerNode = referencesPerAnswer;
  const describe = (nodeId: NodeId) => ({
    nodeId,
    referenceTypeId: references,
    includeSubtypes: true,
    browseDirection: direction === 'forward' ? BrowseDirection.Forward : BrowseDirection.Inverse,
    nodeClassMask: 0,
    resultMask: everyField,
  });
  return inCalls(limit, nodes, async (some) => {
    const answers = (await session.browse(some.map(describe))).map(startAnswer);
    await followAll(session, answers, limit);
    // The server had no continuation point left for these; now the others have given theirs back.
    for (const [position, answer] of answers.entries()) {
      const node = some[position];
      if (answer.status !== noneLeft || node === undefined || some.length === 1) continue;
      const [again] = (await session.browse([describe(node)])).map(startAnswer);
      if (again === undefined) continue;
      await followAll(session, [again], limit);
      answers[position] = again;
    }
    return answers.map(childrenOf);
  });
}

const everyField = 63;
const noneLeft = 'BadNoContinuationPoints';

type Answer = {
  status: string;
  isGood: boolean;
  readonly references: NonNullable<BrowseResult['references']>;
  next: Buffer | null;
};

const startAnswer = (result: BrowseResult): Answer => ({
  status: result.statusCode.name,
  isGood: result.statusCode.isGood(),
  references: [...(result.references ?? [])],
  next: pointOf(result),
});

const pointOf = ({ continuationPoint }: BrowseResult): Buffer | null =>
  continuationPoint === null || continuationPoint === undefined || continuationPoint.length === 0
    ? null
    : continuationPoint;

async function followAll(session: Session, answers: readonly Answer[], limit: CallLimit): Promise<void> {
  for (;;) {
    const open = answers.filter(({ next }) => next !== null);
    if (open.length === 0) return;
    const full = open.filter(({ references }) => references.length >= mostChildren);
    if (full.length > 0) await release(session, full, limit);
    const wanted = open.filter(({ next }) => next !== null);
    const results = await inCalls(limit, wanted, (some) => session.browseNext(pointsOf(some), false));
    for (const [position, result] of results.entries()) take(wanted[position], result);
  }
}

function take(answer: Answer | undefined, result: BrowseResult): void {
  if (answer === undefined) return;
  answer.references.push(...(result.references ?? []));
  answer.next = pointOf(result);
  if (result.statusCode.isGood()) return;
  answer.status = result.statusCode.name;
  answer.isGood = false;
  answer.next = null;
}

async function release(session: Session, answers: readonly Answer[], limit: CallLimit): Promise<void> {
  await inCalls(limit, answers, (some) => session.browseNext(pointsOf(some), true));
  for (const answer of answers) {
    answer.next = null;
    answer.isGood = false;
    answer.status = `it has more than ${mostChildren} children`;
  }
}

const pointsOf = (answers: readonly Answer[]): Buffer[] => answers.flatMap(({ next }) => next ?? []);

const kinds = new Map<number, NodeKind>([
  [1, 'object'],
  [2, 'variable'],
  [4, 'method'],
]);

/** What stands on another server is left out: there is no session with that one. */
const childrenOf = ({ references, isGood, status }: Answer): Children => ({
  children: references.flatMap(({ nodeId, browseName, nodeClass, typeDefinition, referenceTypeId }): Child[] => {
    if (nodeId.serverIndex !== 0) return [];
    const kind = kinds.get(nodeClass) ?? 'other';
    const hasType = kind === 'object' || kind === 'variable';
    return [
      {
        nodeId,
        namespaceIndex: browseName.namespaceIndex,
        name: browseName.name ?? '',
        kind,
        type: hasType && !typeDefinition.isEmpty() ? typeDefinition : null,
        isProperty: sameNodeId(referenceTypeId, propertyReferences),
      },
    ];
  }),
  trouble: isGood ? null : status,
});
