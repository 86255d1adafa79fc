/** Question and answer of the history route. */
import { z } from 'zod';
import { deviceParameter, gatewayParameter, instantParameter, tagParameter } from '../parameters.ts';
import { tagSchema } from '../tags.ts';
import { valueSchema } from '../value.ts';
import { levels } from './plan.ts';

const maxPointsBound = 20_000;

export const historyQuery = z
  .strictObject({
    seriesId: z.coerce.number().int().min(1).max(2_147_483_647).optional().describe('or gateway, device and tag'),
    gateway: gatewayParameter.optional(),
    device: deviceParameter.optional(),
    tag: tagParameter.optional(),
    from: instantParameter.optional().describe('first instant, included; an hour before `to` where it is left out'),
    to: instantParameter.optional().describe('last instant, not included; now where it is left out'),
    maxPoints: z.coerce.number().int().min(2).max(maxPointsBound).default(1_000),
  })
  .superRefine((query, context) => {
    const names = ['gateway', 'device', 'tag'] as const;
    const given = names.filter((name) => query[name] !== undefined);
    const wrong = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    if (query.seriesId === undefined && given.length < names.length) {
      wrong('seriesId', 'which series? Give seriesId, or gateway, device and tag');
    }
    if (query.seriesId !== undefined && given.length > 0) wrong('seriesId', 'give seriesId or names, not both');
    if (query.from !== undefined && query.to !== undefined && query.from >= query.to) {
      wrong('from', 'must be before `to`');
    }
  });
export type HistoryQuery = z.output<typeof historyQuery>;

const head = {
  series: tagSchema,
  from: z.iso.datetime(),
  to: z.iso.datetime().describe('from and to as answered: widened to whole points where stored summaries are used'),
  level: z.enum(levels).describe('the rows that the answer was made from'),
  samples: z.int().describe('how many samples the points stand for'),
  silences: z
    .array(z.tuple([z.int(), z.int()]))
    .describe(
      'when no agent of the gateway ran, from and to in µs since 1970 UTC, from an hour before `from` on: nothing is known of ' +
        'these times. At all others a value holds until the next sample, however long that takes',
    ),
};
const timeUs = z.array(z.int()).describe('µs since 1970 UTC');

export const historySchema = z
  .discriminatedUnion('form', [
    z
      .strictObject({
        form: z.literal('samples'),
        ...head,
        before: z
          .strictObject({ timeUs: z.int(), value: valueSchema, quality: z.int() })
          .nullable()
          .describe('the last sample in the hour before `from`: what held when the range began'),
        omitted: z.int().describe('samples left out because there are more than maxPoints and text has no mean'),
        timeUs,
        value: z.array(valueSchema).describe('null where the quality is bad: a gap'),
        quality: z.array(z.int()),
      })
      .meta({ id: 'HistorySamples' }),
    z
      .strictObject({
        form: z.literal('summaries'),
        ...head,
        pointMs: z.number().describe('time that each point stands for'),
        timeUs: timeUs.describe('where each point begins, µs since 1970 UTC'),
        mean: z.array(z.number().nullable()).describe('null where all samples of a point are bad: a gap'),
        min: z.array(z.number().nullable()),
        max: z.array(z.number().nullable()),
        count: z.array(z.int()).describe('samples in the point'),
        good: z.array(z.int()).describe('those of good quality'),
      })
      .meta({ id: 'HistorySummaries' }),
  ])
  .meta({ id: 'History' });
export type History = z.infer<typeof historySchema>;
