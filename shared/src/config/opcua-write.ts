/** What an OPC UA tag says of its own writing, and what of it contradicts its type. */
import { valueFrom } from '../contracts/command.ts';
import type { ValueType } from '../contracts/sample.ts';
import { ruleProblems, type ValueLimits, type WrittenKind } from './commands.ts';

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
