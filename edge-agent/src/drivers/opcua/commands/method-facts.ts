/** What a method takes and gives, as its server says: read once a session. */
import type { CallInput } from '@fieldline/shared/config';
import type { Live } from '../connection.ts';
import { AttributeIds, BrowseDirection, BrowseRequest, BrowseResponse, DataType, type NodeId } from '../library.ts';
import { readAttributes } from '../nodes/node-facts.ts';
import { builtInTypeOf } from '../values/data-type.ts';
import { isWritableType } from './encode.ts';
import { limitsProblem } from './limits.ts';
import { perform } from './perform.ts';

export type Argument = {
  readonly name: string;
  /** null: the server does not tell, or it is no single value. */
  readonly type: DataType | null;
};

export type MethodFacts = { readonly inputs: readonly Argument[]; readonly outputs: readonly Argument[] };

const hasProperty = 'i=46';
const browseNames = 0x08;
/** NodeClass (OPC 10000-3 8.29). */
const methodClass = 4;

/** `isOfType`: it is that of a type, and each of its objects says for itself whether it can be called. */
export async function readMethodFacts(
  live: Live,
  method: NodeId,
  isOfType: boolean,
  timeoutMs: number,
): Promise<MethodFacts | { readonly why: string }> {
  const wanted = [AttributeIds.NodeClass, AttributeIds.Executable, AttributeIds.UserExecutable];
  const read = await readAttributes(live, method, wanted, timeoutMs);
  if ('why' in read) return read;
  const [nodeClass, executable, userExecutable] = read.map(({ statusCode, value }) =>
    statusCode.isGood() ? value.value : null,
  );
  if (nodeClass !== methodClass) return { why: 'the server has no such method' };
  if (!isOfType && executable === false)
    return { why: 'the server says that it cannot be called at the moment (Executable)' };
  if (!isOfType && userExecutable === false)
    return { why: 'the user of this session may not call it: give the right on the server' };
  const properties = await propertiesOf(live, method, timeoutMs);
  if ('why' in properties) return properties;
  const inputs = await argumentsIn(live, properties.get('InputArguments'), timeoutMs);
  const outputs = await argumentsIn(live, properties.get('OutputArguments'), timeoutMs);
  if ('why' in inputs) return inputs;
  return 'why' in outputs ? outputs : { inputs, outputs };
}

async function propertiesOf(
  { session }: Live,
  nodeId: NodeId,
  timeoutMs: number,
): Promise<Map<string, NodeId> | { readonly why: string }> {
  const browseDirection = BrowseDirection.Forward;
  const description = {
    nodeId,
    browseDirection,
    referenceTypeId: hasProperty,
    includeSubtypes: true,
    resultMask: browseNames,
  };
  const browsed = await perform(
    session,
    new BrowseRequest({ nodesToBrowse: [description] }),
    BrowseResponse,
    timeoutMs,
  );
  if (browsed.kind !== 'answered') return { why: 'the server does not tell the inputs of the method' };
  const references = browsed.answer.results?.[0]?.references ?? [];
  return new Map(references.map((reference) => [reference.browseName.name ?? '', reference.nodeId]));
}

async function argumentsIn(
  live: Live,
  property: NodeId | undefined,
  timeoutMs: number,
): Promise<Argument[] | { readonly why: string }> {
  if (property === undefined) return [];
  const read = await readAttributes(live, property, [AttributeIds.Value], timeoutMs);
  if ('why' in read) return read;
  const stated: unknown = read[0]?.value.value;
  const found: Argument[] = [];
  for (const argument of Array.isArray(stated) ? stated : []) {
    const { name, dataType, valueRank } = argument;
    found.push({
      name: String(name ?? ''),
      type: valueRank >= 0 ? null : await builtInTypeOf(live.session, dataType, null),
    });
  }
  return found;
}

/** Where settings and method do not agree: a call with inputs in another order would be a wrong one. null where they do. */
export function methodProblem(stated: readonly CallInput[], { inputs }: MethodFacts): string | null {
  const named = inputs.map(({ name }) => name);
  if (stated.length !== inputs.length) {
    return `the method has ${inputs.length} inputs (${named.join(', ')}), and the settings state ${stated.length}`;
  }
  for (const [position, { name, type }] of inputs.entries()) {
    const own = stated[position]?.name;
    if (name !== '' && name !== own)
      return `input ${position + 1} of the method is ${name}, and the settings state ${own}`;
    if (type === null) return `input ${own} is no single value, or of a type that the server does not tell`;
    if (!isWritableType(type)) return `input ${own} is a ${DataType[type]}, which cannot be given`;
    const unlimited = limitsProblem(type, stated[position] ?? { type: 'string' });
    if (unlimited !== null) return `input ${own}: ${unlimited}`;
  }
  return null;
}
