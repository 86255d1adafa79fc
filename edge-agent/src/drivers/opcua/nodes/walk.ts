/**
 * Walks down an address space, level by level, so that one call browses many nodes. A node that several references lead to is entered
 * once, where it is found first: loops end.
 */

import type { Session } from '../library.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { browseChildren, type Child } from './browse.ts';

/** A node, and how it was reached. */
export type Place = Pick<Child, 'nodeId' | 'namespaceIndex' | 'name' | 'kind' | 'type' | 'isProperty'> & {
  /** null: the walk began here. */
  readonly parent: Place | null;
};

export type WalkOptions = {
  /** Levels below the start. */
  readonly depth: number;
  /** Nodes; beyond that the walk ends. */
  readonly most: number;
  /** Whether its children are asked for, where they can be. */
  readonly enters?: (place: Place) => boolean;
  readonly signal?: AbortSignal;
  /** Called for each level with what was found so far. */
  readonly onLevel?: (found: number) => void;
};

export type Walked = {
  /** Without the start, each before what is below it. */
  readonly places: readonly Place[];
  /** Whether there were more than `most`. */
  readonly isCut: boolean;
  /** Nodes whose children could not be had, or not all of them. */
  readonly troubles: readonly { readonly place: Place; readonly reason: string }[];
};

export async function walk(
  session: Session,
  facts: ServerFacts,
  start: Place,
  { depth, most, enters = () => true, signal, onLevel }: WalkOptions,
): Promise<Walked> {
  const places: Place[] = [];
  const troubles: { place: Place; reason: string }[] = [];
  const entered = new Set([String(start.nodeId)]);
  let level: readonly Place[] = [start];
  for (let below = 0; below < depth && level.length > 0; below += 1) {
    const next: Place[] = [];
    const found = await browseChildren(
      session,
      level.map(({ nodeId }) => nodeId),
      { limit: facts.limits.browse },
    );
    signal?.throwIfAborted();
    for (const [position, parent] of level.entries()) {
      const { children = [], trouble = null } = found[position] ?? {};
      if (trouble !== null) troubles.push({ place: parent, reason: trouble });
      for (const child of children) {
        if (child.isProperty && parent.kind === 'variable') continue;
        if (places.length >= most) return { places, isCut: true, troubles };
        const place = { ...child, parent };
        places.push(place);
        const id = String(child.nodeId);
        if (entered.has(id) || !mayEnter(place) || !enters(place)) continue;
        entered.add(id);
        next.push(place);
      }
    }
    onLevel?.(places.length);
    level = next;
  }
  return { places, isCut: false, troubles };
}

const serverObject = 'ns=0;i=2253';

/** What the server says of itself is thousands of nodes on some; it is looked at only by who begins there. */
const mayEnter = ({ nodeId, kind }: Place): boolean =>
  (kind === 'object' || kind === 'variable') && String(nodeId) !== serverObject;

/** Where a walk begins. */
export const startAt = (nodeId: Place['nodeId']): Place => ({
  nodeId,
  namespaceIndex: 0,
  name: '',
  kind: 'object',
  type: null,
  isProperty: false,
  parent: null,
});

/** From the start, which is not among them, down to the place itself. */
export function wayTo(place: Place): Place[] {
  const way: Place[] = [];
  for (let at: Place | null = place; at !== null && at.parent !== null; at = at.parent) way.unshift(at);
  return way;
}
