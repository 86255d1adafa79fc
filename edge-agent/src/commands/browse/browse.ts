/** Walks through a server for a person, or for the settings. */
import { FieldlineError } from '@fieldline/shared/contracts';
import { counted, grouped } from '@fieldline/shared/runtime';
import { parseNodeName, resolveNode } from '../../drivers/opcua/nodes/node-id.ts';
import { describeVariables, type VariableFacts } from '../../drivers/opcua/nodes/variables.ts';
import { type Place, startAt, type Walked, walk, wayTo } from '../../drivers/opcua/nodes/walk.ts';
import { type HandSession, withSession } from '../../drivers/opcua/session/by-hand.ts';
import type { FieldParts } from '../field-parts.ts';
import type { OpcuaTarget } from '../opcua-target.ts';
import { pathFilter } from './glob.ts';
import { tagLines } from './tag-lines.ts';
import { treeLines } from './tree-lines.ts';

export type BrowseWish = {
  /** Where to begin. */
  readonly node: string;
  readonly depth: number;
  readonly most: number;
  readonly filter: string | null;
  readonly as: 'tree' | 'values' | 'tags' | 'paths';
};

type Parts = Pick<FieldParts, 'say' | 'progress' | 'signal'>;

/** @throws FieldlineError device/… */
export function browse(target: OpcuaTarget, wish: BrowseWish, parts: Parts): Promise<void> {
  const { device, certificateFolder } = target;
  return withSession(device, certificateFolder, parts.signal, (opened) => browseOpened(opened, wish, parts));
}

async function browseOpened(opened: HandSession, wish: BrowseWish, { say, progress, signal }: Parts): Promise<void> {
  const { session, facts } = opened;
  const start = resolveNode(parseNodeName(wish.node), facts.namespaces);
  if ('reason' in start) throw new FieldlineError('device/exception', start.reason);
  const walked = await walk(session, facts, startAt(start.nodeId), {
    depth: wish.depth,
    most: wish.most,
    signal,
    onLevel: (found) => progress(`${grouped(found)} nodes`),
  });
  const shown = chosen(walked, wish.filter);
  const variables = shown.filter(({ kind }) => kind === 'variable');
  const described = await describeVariables(
    session,
    facts,
    variables.map(({ nodeId }) => nodeId),
  );
  const factsOf = new Map(variables.map((place, position) => [place, described[position] ?? unknown]));
  const lines =
    wish.as === 'tags' || wish.as === 'paths'
      ? tagLines(factsOf, facts.namespaces, wish.as)
      : await treeLines(opened, shown, factsOf, wish.as === 'values');
  for (const line of lines) say(line);
  for (const line of remarks(walked, wish, shown.length)) progress(line);
  if (walked.places.length === 0 && walked.troubles[0] !== undefined)
    throw new FieldlineError('device/exception', `${wish.node} cannot be browsed: ${walked.troubles[0].reason}`);
}

const unknown: VariableFacts = { type: 'string', elementType: null, isArray: false };

/** Those that fit, and what stands above them. */
function chosen({ places }: Walked, filter: string | null): readonly Place[] {
  if (filter === null) return places;
  const fits = pathFilter(filter);
  const kept = new Set<Place>();
  for (const place of places) {
    const way = wayTo(place);
    if (fits(way.map(({ name }) => name))) for (const each of way) kept.add(each);
  }
  return places.filter((place) => kept.has(place));
}

function remarks({ places, isCut, troubles }: Walked, { most, depth, filter }: BrowseWish, shown: number): string[] {
  const whole = troubles.slice(0, mostTroubles).map(({ place, reason }) => {
    const path = wayTo(place)
      .map(({ name }) => name)
      .join('/');
    return `of ${path === '' ? 'the beginning' : path} not all children could be had: ${reason}`;
  });
  return [
    ...whole,
    ...(troubles.length > mostTroubles ? [`and so of ${counted(troubles.length - mostTroubles, 'other node')}`] : []),
    ...(isCut
      ? [`ended at ${grouped(most)} nodes, there are more: --node and --depth narrow it, --most allows more`]
      : []),
    ...(filter !== null && shown === 0
      ? [`none of ${counted(places.length, 'node')} within ${counted(depth, 'level')} fits ${filter}`]
      : []),
  ];
}

const mostTroubles = 20;
