/**
 * Looks, at each session, whether a tag of type string that may be written stands for a number. The writer would refuse each command; here
 * it is known before one is sent.
 */
import type { Live } from '../connection.ts';
import { readNodeFacts } from '../nodes/node-facts.ts';
import { builtInTypeOf } from '../values/data-type.ts';
import { learnItems } from '../values/learn-items.ts';
import { limitsProblem, type StatedValue } from './limits.ts';
import { placeOf, type WriteTarget } from './writer.ts';

export class TextCheck {
  readonly target: WriteTarget;
  /** Why it cannot be written, in words for the operator; null when it can, or when nobody knows yet. */
  trouble: string | null = null;

  constructor(target: WriteTarget) {
    this.target = target;
  }

  /** Never rejects. A node that is not there is told by its item. */
  async look(live: Live): Promise<void> {
    const { item, timeoutMs } = this.target;
    const place = await placeOf(this.target);
    if ('problem' in place) return;
    await learnItems(live.session, live.facts, [{ item, nodeId: place.nodeId }]);
    const facts = await readNodeFacts(live, place.nodeId, timeoutMs);
    if ('why' in facts) return;
    const type = await builtInTypeOf(live.session, facts.dataType, facts.value.value ?? null);
    const why = type === null || item.understanding.names !== null ? null : limitsProblem(type, givenBy(this.target));
    this.trouble = why === null ? null : `${item.tag.tag}: ${why}`;
  }
}

/** Whether there is anything to look at. */
export const isFreeText = (target: WriteTarget): boolean => {
  const { type, oneOf } = givenBy(target);
  return type === 'string' && oneOf === undefined;
};

const givenBy = ({ item, rules }: WriteTarget): StatedValue =>
  rules.each ?? { type: item.tag.type, oneOf: rules.oneOf };
