/** What a command asks for, once it is known to be allowed. */
import type { CommandMessage, Value } from '@fieldline/shared/contracts';
import type { WriteOrder, WriteProblem } from '../drivers/driver.ts';
import { inputsOf, wantedOf } from './rules.ts';
import type { Target } from './targets.ts';
import { callTag, type Ending, writeTag } from './write.ts';

export type Deed = {
  /** What the sender thinks that the device holds; null where it does not say. */
  readonly expected: Value | null;
  readonly perform: (permit: WriteOrder['permit'], signal: AbortSignal) => Promise<Ending>;
};

export function deedOf(command: CommandMessage, target: Target): Deed | WriteProblem {
  const { tag, rules, inputs } = target;
  if (inputs !== null) {
    const given = inputsOf(command, inputs);
    if ('reason' in given) return given;
    return { expected: null, perform: (permit) => callTag(target, { inputs: given, permit }) };
  }
  const wanted = wantedOf(command, tag, rules);
  if ('reason' in wanted) return wanted;
  const { value, expected } = wanted;
  return { expected, perform: (permit, signal) => writeTag(target, { value, permit }, signal) };
}
