/** What of the changes of a node is reported and held back: on a tag, or on the device for all of its tags. */
import { z } from 'zod';

export const opcuaFilterShape = {
  trigger: z
    .enum(['status', 'status-value', 'status-value-timestamp'])
    .optional()
    .describe(
      'which changes the server reports: of the status only, of status or value (absent), or also of the source time alone',
    ),
  deadbandPercent: z
    .number()
    .positive()
    .max(100)
    .optional()
    .describe(
      'in place of deadband: a percentage of the range, which is the EURange of the node at the server, and minimum to maximum of the tag at the agent',
    ),
  deadbandAt: z
    .enum(['agent', 'server'])
    .optional()
    .describe(
      'who holds small changes back; absent: agent. server: the server need not send them; where it refuses to filter, the agent does it',
    ),
};

type Filtered = {
  readonly deadband?: number | undefined;
  readonly deadbandPercent?: number | undefined;
  readonly deadbandAt?: 'agent' | 'server' | undefined;
};
type FilteredTag = Filtered & {
  readonly type: string;
  readonly events?: unknown;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
};

const hasRange = ({ minimum, maximum }: FilteredTag): boolean =>
  minimum !== undefined && maximum !== undefined && minimum < maximum;

const twice = { path: ['deadbandPercent'], message: 'deadband and deadbandPercent exclude each other: leave one out' };

export function filterProblems(
  device: Filtered & { readonly tags: readonly FilteredTag[]; readonly patterns: readonly Filtered[] },
): { readonly path: (string | number)[]; readonly message: string }[] {
  const isTwice = ({ deadband, deadbandPercent }: Filtered): boolean =>
    deadband !== undefined && deadbandPercent !== undefined;
  const ofTags = device.tags.flatMap((tag, position) => {
    const isNumber = tag.type !== 'string' && tag.type !== 'bool';
    if (tag.deadband !== undefined && !isNumber && tag.events === undefined)
      return [
        { path: ['tags', position, 'deadband'], message: `is for numbers, and a ${tag.type} is none: leave it out` },
      ];
    const path = ['tags', position, 'deadbandPercent'];
    if (isTwice(tag)) return [{ path, message: twice.message }];
    if (tag.deadbandPercent === undefined) return [];
    if (!isNumber) return [{ path, message: `a ${tag.type} has no range` }];
    if ((tag.deadbandAt ?? device.deadbandAt) === 'server' || hasRange(tag)) return [];
    const message =
      'needs the range of the tag: state minimum and maximum, or deadbandAt: server for a node with an EURange';
    return [{ path, message }];
  });
  // Whether there is a range, the server says: what has none is not held back.
  const ofPatterns = device.patterns.flatMap((pattern, position) =>
    isTwice(pattern) ? [{ ...twice, path: ['patterns', position, ...twice.path] }] : [],
  );
  return [...(isTwice(device) ? [twice] : []), ...ofTags, ...ofPatterns];
}
