/** What an OPC UA tag says of its own writing, and what of it contradicts its type. */
import { z } from 'zod';
import { valueFrom } from '../contracts/command.ts';
import { type ValueType, valueTypes } from '../contracts/sample.ts';
import { limitsShape, ruleProblems, type ValueLimits, type WrittenKind, writeObject } from './commands.ts';

export const opcuaWriteObject = writeObject.extend({
  each: z
    .strictObject({ type: z.enum(valueTypes).default('float64'), ...limitsShape })
    .optional()
    .describe(
      'the node is an array, and a command has all of its values as JSON in a text, such as "[1.5,2]": type and limits of each',
    ),
  length: z
    .int()
    .min(1)
    .max(1_000)
    .optional()
    .describe('with each: so many values; absent: as many as the node holds at that moment'),
});
export type OpcuaWriteRules = z.infer<typeof opcuaWriteObject>;
/** Of a tag of a whole array. */
export type ListRules = {
  readonly each: NonNullable<OpcuaWriteRules['each']>;
  readonly length?: number | undefined;
};

type Written = {
  readonly type: ValueType;
  readonly part?: string | undefined;
  readonly element?: string | undefined;
  readonly write?: OpcuaWriteRules | undefined;
};

/** What in the write of a tag contradicts itself, or the rest of the tag. */
export function writeProblems({ type, part, element, write }: Written): { path: string[]; message: string }[] {
  if (write === undefined) return [];
  const { each, length } = write;
  const problem = (path: string[], message: string) => ({ path: ['write', ...path], message });
  const problems = typedRuleProblems(type, write).map(([key, message]) => problem([key], message));
  if (part !== undefined || (element !== undefined && !/^\[\d+\]$/.test(element)))
    problems.push(
      problem([], 'goes with the whole value of a node, or with one element of an array, such as [2], only'),
    );
  if (each === undefined) {
    return length === undefined ? problems : [...problems, problem(['length'], 'goes with each only')];
  }
  if (type !== 'string') problems.push({ path: ['type'], message: 'a list is JSON in a text: state type: string' });
  if (element !== undefined) problems.push(problem(['each'], 'is for all elements, and this tag is one: leave it out'));
  if (write.oneOf !== undefined) problems.push(problem(['oneOf'], 'is of each value of the list: state it under each'));
  return [...problems, ...typedRuleProblems(each.type, each).map(([key, message]) => problem(['each', key], message))];
}

export function writtenKind(type: ValueType): WrittenKind {
  if (type === 'bool') return 'switch';
  if (type === 'string') return 'text';
  return type === 'int64' || type === 'uint64' ? 'long' : 'number';
}

/** Also of an input of a method. A choice that the type never holds would be refused each time. */
export function typedRuleProblems(type: ValueType, rules: ValueLimits): [key: string, message: string][] {
  const problems = ruleProblems(rules, writtenKind(type));
  if (problems.length > 0) return problems;
  const wrong = rules.oneOf?.find((value) => valueFrom(type, value) === null);
  return wrong === undefined ? [] : [['oneOf', `${wrong} does not fit: ${type} holds no such value`]];
}
