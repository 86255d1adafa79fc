/**
 * Calls one method: what it takes is read once a session and compared with the settings, the inputs are made exactly of these types,
 * leave is asked for, and it is called once. Each call that may have been carried out leaves a sample: its outputs as JSON.
 */
import type { OpcuaCall } from '@fieldline/shared/config';
import {
  GOOD,
  type Micros,
  type QualityName,
  qualityCode,
  type Sample,
  type Tag,
  type Value,
} from '@fieldline/shared/contracts';
import type { CallOrder, CallResult } from '../../driver.ts';
import type { Connection, Live } from '../connection.ts';
import { CallRequest, CallResponse, type NodeId, type Variant } from '../library.ts';
import { type NodeAddress, parseAddress, resolveAddresses } from '../nodes/node-address.ts';
import { parseNodeName, resolveNode } from '../nodes/node-id.ts';
import { dataTypesOf } from '../values/data-types.ts';
import { exactVariant, type Refused, refused } from './exact-variant.ts';
import { type MethodFacts, methodProblem, readMethodFacts } from './method-facts.ts';
import { outputsText } from './outputs.ts';
import { perform } from './perform.ts';
import { judge, type Verdict } from './verdict.ts';

/** A method that may be called, and where. */
export type CallTarget = {
  readonly tag: Tag;
  readonly setting: OpcuaCall;
  /** null: each command names it. */
  readonly object: NodeAddress | null;
  readonly method: NodeAddress;
  readonly connection: Pick<Connection, 'live'>;
  readonly timeoutMs: number;
};

/** `namespace`: of names in its paths that state none. */
export const placeOfCall = (
  { object, objectPath, method, methodPath }: OpcuaCall,
  namespace: string | undefined,
): Pick<CallTarget, 'object' | 'method'> => ({
  object: object === 'any' ? null : parseAddress({ node: object, path: objectPath }, namespace),
  method: parseAddress({ node: method, path: methodPath }, namespace),
});

export type CallerOptions = {
  readonly now: () => Micros;
  readonly emit: (samples: readonly Sample[]) => void;
};

/** `objectId`: null where each command names it. */
type Known = { readonly objectId: NodeId | null; readonly methodId: NodeId; readonly facts: MethodFacts };
type Prepared = { readonly objectId: NodeId; readonly inputArguments: Variant[] };

export class Caller {
  readonly target: CallTarget;
  private readonly options: CallerOptions;
  /** Of one session; what a server refused is looked up again. */
  private known: { readonly live: Live; readonly found: Known } | null = null;
  private lastTime: Micros = 0;
  /** Why it cannot be called, in words for the operator; null when it can, or when nobody knows yet. */
  trouble: string | null = null;

  constructor(target: CallTarget, options: CallerOptions) {
    this.target = target;
    this.options = options;
  }

  /** Never rejects. */
  async call({ inputs, permit }: CallOrder): Promise<CallResult> {
    const live = this.target.connection.live();
    if ('away' in live) return notSent(refused('not-connected', live.away));
    const known = await this.look(live);
    if ('problem' in known) return notSent(known);
    const prepared = this.prepare(live, known, inputs);
    if ('problem' in prepared) return notSent(prepared);
    const problem = permit(null);
    return problem === null ? this.send(live, known, prepared) : notSent({ problem });
  }

  /** Looks up where the method is, and reads what it takes, once for each session. */
  async look(live: Live): Promise<Known | Refused> {
    if (this.known?.live === live) return this.known.found;
    const { setting } = this.target;
    const found = await this.find(live);
    const why = 'why' in found ? found.why : methodProblem(setting.inputs, found.facts);
    this.trouble = why === null ? null : `${setting.tag}: ${why}`;
    if ('why' in found || why !== null) return refused('not-writable', why ?? '');
    this.known = { live, found };
    return found;
  }

  private async find(live: Live): Promise<Known | { readonly why: string }> {
    const { object, method, timeoutMs } = this.target;
    const addresses = object === null ? [method] : [method, object];
    const nodeIds = await nodesOf(live, addresses);
    if ('why' in nodeIds) return nodeIds;
    const [methodId, objectId = null] = nodeIds;
    if (methodId === undefined) return { why: `${method.text}: the server did not look it up` };
    const facts = await readMethodFacts(live, methodId, object === null, timeoutMs);
    return 'why' in facts ? facts : { objectId, methodId, facts };
  }

  private prepare(live: Live, { objectId, facts }: Known, inputs: readonly Value[]): Prepared | Refused {
    const { setting } = this.target;
    const object =
      objectId === null ? resolveNode(parseNodeName(String(inputs[0])), live.facts.namespaces) : { nodeId: objectId };
    if ('reason' in object) return refused('not-representable', `object: ${object.reason}`);
    const inputArguments: Variant[] = [];
    for (const [position, value] of inputs.slice(objectId === null ? 1 : 0).entries()) {
      const { name, ...stated } = setting.inputs[position] ?? { name: `input ${position + 1}`, type: 'string' };
      const type = facts.inputs[position]?.type ?? null;
      const exact = exactVariant(type, value, stated, null);
      if ('problem' in exact) return refused(exact.problem.reason, `${name}: ${exact.problem.message}`);
      inputArguments.push(exact.variant);
    }
    return { objectId: object.nodeId, inputArguments };
  }

  private async send(
    { session, facts: server }: Live,
    { methodId, facts }: Known,
    prepared: Prepared,
  ): Promise<CallResult> {
    const { setting, timeoutMs } = this.target;
    const methodsToCall = [{ ...prepared, methodId }];
    const called = await perform(session, new CallRequest({ methodsToCall }), CallResponse, timeoutMs);
    const verdict = judge(called, ({ results }) => results?.[0]?.statusCode);
    const result = called.kind === 'answered' ? called.answer.results?.[0] : undefined;
    if (verdict.kind === 'accepted') {
      const outputs = outputsText(facts.outputs, result?.outputArguments ?? [], dataTypesOf(session, server).types);
      this.leave(outputs, null);
      return { ...verdict, outputs };
    }
    if (verdict.kind !== 'not-sent') this.leave(null, verdict.kind === 'rejected' ? 'bad/refused' : 'bad/timeout');
    const wrong = (result?.inputArgumentResults ?? []).flatMap((status, position) =>
      status.isGood() ? [] : [`${setting.inputs[position]?.name}: ${status.name}`],
    );
    return { ...withDetails(verdict, wrong), outputs: null };
  }

  private leave(value: string | null, bad: QualityName | null): void {
    const { now, emit } = this.options;
    this.lastTime = Math.max(now(), this.lastTime + 1);
    emit([{ tag: this.target.tag, time: this.lastTime, value, quality: bad === null ? GOOD : qualityCode(bad) }]);
  }
}

async function nodesOf(
  { session, facts }: Live,
  addresses: readonly NodeAddress[],
): Promise<readonly NodeId[] | { readonly why: string }> {
  try {
    const nodeIds: NodeId[] = [];
    const items = addresses.map((node) => ({ node }));
    for (const { resolved } of await resolveAddresses(session, items, facts)) {
      if ('reason' in resolved) return { why: resolved.reason };
      nodeIds.push(resolved.nodeId);
    }
    return nodeIds;
  } catch (error) {
    return { why: `it cannot be looked up: ${error instanceof Error ? error.message : error}` };
  }
}

const notSent = ({ problem }: Refused): CallResult => ({ kind: 'not-sent', problem, outputs: null });

function withDetails({ kind, problem }: Verdict, details: readonly string[]): Verdict {
  if (problem === null || details.length === 0) return { kind, problem };
  return { kind, problem: { ...problem, message: `${problem.message} (${details.join(', ')})` } };
}
