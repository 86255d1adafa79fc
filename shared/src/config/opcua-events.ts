/** Events of an OPC UA server as samples of a tag. */
import { z } from 'zod';
import type { ValueType } from '../contracts/sample.ts';
import { nodeText } from './opcua-address.ts';
import { parsePath } from './opcua-path.ts';

/** Where a server does not know one of them, the sample is without it. */
const usualFields = [
  'SourceName',
  'Message',
  'Severity',
  'ConditionName',
  'Retain',
  'ActiveState/Id',
  'AckedState/Id',
  'ConfirmedState/Id',
];

const fieldText = z
  .string()
  .refine(
    (text) => parsePath(text) !== null,
    'must be browse names below the event type, such as Message or ActiveState/Id; & goes before / * & in a name',
  );

export const eventsSchema = z
  .strictObject({
    type: nodeText
      .default('i=2041')
      .describe('event type; those derived from it are taken as well. i=2041: all, i=2782: conditions, i=2915: alarms'),
    fields: z
      .array(fieldText)
      .min(1)
      .max(100)
      .default(usualFields)
      .describe(
        'browse names below the event type, e.g. Message, ActiveState/Id or nsu=urn:plant;Pressure; a name without a namespace is of the specification. EventId, EventType and, of a condition, ConditionId, Retain and the BranchId of a branch are always there',
      ),
    minSeverity: z.int().min(1).max(1_000).optional().describe('events below it are not taken'),
    queueSize: z
      .int()
      .min(1)
      .max(100_000)
      .default(1_000)
      .describe('events that the server keeps between two publishes'),
  })
  .optional()
  .describe('the tag takes the events of its node (i=2253: all of the server), each as a sample: its fields as JSON');

const ofValues = [
  'part',
  'element',
  'samplingMs',
  'deadband',
  'deadbandPercent',
  'deadbandAt',
  'trigger',
  'heartbeatMs',
  'staleAfterMs',
  'thinToMs',
  'write',
] as const;

type Tag = { readonly events?: unknown; readonly type: ValueType } & {
  readonly [Key in (typeof ofValues)[number]]?: unknown;
};

export function eventsProblems(tag: Tag): { readonly path: string[]; readonly message: string }[] {
  if (tag.events === undefined) return [];
  const wrong = ofValues.filter((key) => tag[key] !== undefined);
  const problems = wrong.map((key) => ({
    path: [key],
    message: 'is for values, and this tag takes events: leave it out',
  }));
  if (tag.type === 'string') return problems;
  return [...problems, { path: ['type'], message: 'an event is text: state type: string' }];
}
