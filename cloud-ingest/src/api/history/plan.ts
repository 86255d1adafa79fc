/** Which rows answer a history query: a pure choice from range, density and wished points. */
import type { Micros } from '@fieldline/shared/contracts';

export const levels = ['raw', 'sample_1m', 'sample_1h', 'sample_1d'] as const;
export type Level = (typeof levels)[number];
export type SummaryLevel = Exclude<Level, 'raw'>;

/** Most raw rows that one query may read; beyond it the one-minute summaries are used, even where that gives fewer points. */
export const maxRawSamples = 200_000;

const minuteUs = 60_000_000;
export const widthUs: Record<SummaryLevel, number> = {
  sample_1m: minuteUs,
  sample_1h: 60 * minuteUs,
  sample_1d: 24 * 60 * minuteUs,
};

export type HistoryRange = { readonly from: Micros; readonly to: Micros };

export type HistoryQuestion = HistoryRange & {
  readonly maxPoints: number;
  /** About how many samples lie in the range. */
  readonly samples: number;
  /** Older raw samples, and older summaries of a minute or an hour, may have been removed by retention. */
  readonly oldestRaw: Micros;
  readonly oldestMinute: Micros;
  readonly oldestHour: Micros;
};

/** Points of `pointUs` each, made of rows of `level`; the range is widened to whole points where rows are summaries. */
export type SummaryPlan = HistoryRange & {
  readonly form: 'summaries';
  readonly level: Level;
  readonly pointUs: number;
};
export type HistoryPlan = { readonly form: 'samples' } | SummaryPlan;

export const planHistory = (question: HistoryQuestion): HistoryPlan =>
  question.from >= question.oldestRaw && question.samples <= question.maxPoints
    ? { form: 'samples' }
    : planSummaries(question);

export function planSummaries(question: HistoryQuestion): SummaryPlan {
  const { from, to, maxPoints, samples, oldestRaw } = question;
  const pointUs = Math.max(1, Math.ceil((to - from) / maxPoints));
  if (from >= oldestRaw && pointUs < minuteUs && samples <= maxRawSamples) {
    return { form: 'summaries', level: 'raw', pointUs, from, to };
  }
  const finest = finestKept(question);
  const fitting = (['sample_1d', 'sample_1h'] as const).find((level) => widthUs[level] <= pointUs);
  return summaries(question, widerOf(fitting ?? 'sample_1m', finest));
}

function finestKept({ from, oldestMinute, oldestHour }: HistoryQuestion): SummaryLevel {
  if (from >= oldestMinute) return 'sample_1m';
  return from >= oldestHour ? 'sample_1h' : 'sample_1d';
}

const widerOf = (left: SummaryLevel, right: SummaryLevel): SummaryLevel =>
  widthUs[left] >= widthUs[right] ? left : right;

/** Whole rows per point, and whole points in the range: at most `maxPoints` and the two that stand on its ends. */
function summaries({ from, to, maxPoints }: HistoryQuestion, level: SummaryLevel): SummaryPlan {
  const rowUs = widthUs[level];
  const pointUs = Math.ceil((to - from) / maxPoints / rowUs) * rowUs;
  return {
    form: 'summaries',
    level,
    pointUs,
    from: Math.floor(from / pointUs) * pointUs,
    to: Math.ceil(to / pointUs) * pointUs,
  };
}

/** The coarsest summaries that still count a range well: what the density is estimated from. */
export function countingLevel({ from, to }: HistoryRange): SummaryLevel {
  const range = to - from;
  if (range <= 6 * widthUs.sample_1h) return 'sample_1m';
  return range <= 60 * widthUs.sample_1d ? 'sample_1h' : 'sample_1d';
}
