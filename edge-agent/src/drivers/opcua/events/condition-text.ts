/**
 * The text of an event, read again after a restart. Free of the library: the registry hands it to the journal, which remembers the last
 * text of each condition.
 */

/** A condition, or a branch of one: a former state that somebody has yet to acknowledge. */
export type Subject = { readonly name: string; readonly isOver: boolean };

/** null: the event is of no condition. */
export function conditionIn(text: string): Subject | null {
  const { ConditionId, BranchId, Retain } = fieldsIn(text);
  if (typeof ConditionId !== 'string') return null;
  return { name: conditionName(ConditionId, BranchId), isOver: Retain === false };
}

export const conditionName = (condition: string, branch: unknown): string =>
  typeof branch === 'string' ? `${condition} ${branch}` : condition;

/** Without its EventId, which a server may give anew when it is asked for its conditions. */
export const withoutId = (text: string): string => text.replace(/^\{"EventId":"[^"]*",?/, '{');

/** What is said of a condition of which nobody heard the end. */
export const endedText = (text: string): string => JSON.stringify({ ...fieldsIn(text), Retain: false });

function fieldsIn(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
