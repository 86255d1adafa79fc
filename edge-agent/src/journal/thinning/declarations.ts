/** What was taken out of a segment, declared in its last batches. Pure. */
import type { Declaration } from '@fieldline/shared/contracts';
import type { Series } from './series.ts';

export type ThinnedDeclaration = Extract<Declaration, { kind: 'series' }> & { readonly samples: number };

/** As few as is exact: one for a device of which every series has lost samples, else one for each series that has. */
export function declareTaken(series: readonly Series[]): ThinnedDeclaration[] {
  const devices = Map.groupBy(series, ({ device }) => device);
  return [...devices].flatMap(([device, all]) => {
    const each = all.filter(({ taken }) => taken > 0).map(declareOne);
    return each.length === all.length ? [asOne(device, each)] : each;
  });
}

const declareOne = ({ device, tag, from, to, taken }: Series): ThinnedDeclaration => ({
  kind: 'series',
  device,
  tag,
  from,
  to,
  samples: taken,
  reason: 'thinned',
});

const asOne = (device: string | null, declared: readonly ThinnedDeclaration[]): ThinnedDeclaration => ({
  kind: 'series',
  device,
  tag: null,
  from: Math.min(...declared.map(({ from }) => from)),
  to: Math.max(...declared.map(({ to }) => to)),
  samples: samplesIn(declared),
  reason: 'thinned',
});

const perDevice = (declared: readonly ThinnedDeclaration[]): ThinnedDeclaration[] =>
  [...Map.groupBy(declared, ({ device }) => device)].map(([device, own]) => asOne(device, own));

const forGateway = (declared: readonly ThinnedDeclaration[]): ThinnedDeclaration[] => [asOne(null, declared)];

export const samplesIn = (declared: readonly ThinnedDeclaration[]): number =>
  declared.reduce((sum, { samples }) => sum + samples, 0);

/** The same in ever fewer words, for where there is no room for more. */
export const inFewerWords = (declared: readonly ThinnedDeclaration[]): (readonly ThinnedDeclaration[])[] => [
  declared,
  perDevice(declared),
  forGateway(declared),
];

const mostPerBatch = 100;

/**
 * Which batch of a segment declares what. They are its last ones, without a gap: a batch that declares nothing of the kind has
 * none before it that does, which `count-lost.ts` relies on.
 */
export function placed(
  declared: readonly ThinnedDeclaration[],
  first: number,
  last: number,
): ReadonlyMap<number, readonly ThinnedDeclaration[]> {
  const most = (last - first + 1) * mostPerBatch;
  const fitting = inFewerWords(declared).find(({ length }) => length <= most) ?? [];
  const batches = Math.ceil(fitting.length / mostPerBatch);
  return new Map(
    Array.from({ length: batches }, (_, index) => [
      last - batches + 1 + index,
      fitting.slice(index * mostPerBatch, (index + 1) * mostPerBatch),
    ]),
  );
}
