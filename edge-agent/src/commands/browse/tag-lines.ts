/** Variables as tags of the settings, a line each. */
import { nodeText } from '../../drivers/opcua/nodes/node-id.ts';
import { pathTo } from '../../drivers/opcua/nodes/path-to.ts';
import { createIds } from '../../drivers/opcua/nodes/tag-name.ts';
import type { VariableFacts } from '../../drivers/opcua/nodes/variables.ts';
import { type Place, wayTo } from '../../drivers/opcua/nodes/walk.ts';
import { written } from '../tags/tag-yaml.ts';

export function tagLines(
  variables: ReadonlyMap<Place, VariableFacts>,
  namespaces: readonly string[],
  as: 'tags' | 'paths',
): string[] {
  const namespace =
    as === 'paths'
      ? mostUsed([...variables.keys()].flatMap((place) => wayTo(place).map(({ namespaceIndex }) => namespaceIndex)))
      : null;
  const own = namespace === null ? undefined : namespaces[namespace];
  const pathOf = (place: Place): string => pathTo(place, namespaces, own);
  const times = new Map<string, number>();
  if (namespace !== null)
    for (const place of variables.keys()) times.set(pathOf(place), (times.get(pathOf(place)) ?? 0) + 1);
  const idOf = createIds();
  const lines = [...variables].map(([place, { type, unit, minimum, maximum, description }]) => {
    const path = namespace === null ? null : pathOf(place);
    // A path that two nodes have leads to neither.
    const address = path === null || times.get(path) !== 1 ? { node: nodeText(place.nodeId, namespaces) } : { path };
    const tag = idOf(
      wayTo(place)
        .map(({ name }) => name)
        .join('.'),
    );
    return `  - ${written(stated({ tag, ...address, type, unit, description, minimum, maximum }))}`;
  });
  return [
    ...(own === undefined ? [] : [`namespace: ${written(own)}`]),
    lines.length === 0 ? 'tags: []' : 'tags:',
    ...lines,
  ];
}

const stated = (tag: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(tag).filter(([, value]) => value !== undefined));

/** null where there is none. */
function mostUsed(indexes: readonly number[]): number | null {
  const groups = [...Map.groupBy(indexes, (index) => index)].sort(([, one], [, other]) => other.length - one.length);
  return groups[0]?.[0] ?? null;
}
