import { wrongArguments } from '@fieldline/shared/runtime/command-arguments';

/** @throws FieldlineError arguments/invalid */
export function numberOf(text: string, name: string, largest: number, usage: string, least = 0): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= largest) return value;
  throw wrongArguments(`${name} is ${text}; it must be a whole number from ${least} to ${largest}`, usage);
}
