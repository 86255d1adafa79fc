/** Before items are monitored: what their values are made of, where a tag needs that. */

import type { Item } from '../items/item.ts';
import type { NodeId, Session } from '../library.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { dataTypesOf } from './data-types.ts';

/** Numbers are read as they come. */
const needsTypes = ({ events, members }: Item): boolean =>
  events === null &&
  members.some(
    ({ tag, part, understanding }) => part === 'value' && (tag.type === 'string' || understanding.element !== null),
  );

type Monitored = { readonly item: Item; readonly nodeId: NodeId };

/** null, or why the server does not tell. */
export async function learnItems(
  session: Session,
  facts: ServerFacts,
  monitored: readonly Monitored[],
): Promise<unknown> {
  const wanted = monitored.filter(({ item }) => needsTypes(item));
  const events = monitored.filter(({ item }) => item.events !== null);
  if (wanted.length === 0 && events.length === 0) return null;
  const { types, learnVariables } = dataTypesOf(session, facts);
  for (const { item } of events) item.understanding = { ...item.understanding, types };
  try {
    const named = await learnVariables(wanted.map(({ nodeId }) => nodeId));
    for (const [position, { item }] of wanted.entries()) {
      const names = named[position] ?? null;
      for (const member of item.members) member.understanding = { ...member.understanding, names, types };
    }
    return null;
  } catch (error) {
    return error;
  }
}
