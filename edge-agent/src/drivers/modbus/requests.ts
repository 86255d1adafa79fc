/** Which points are read by one request, whatever the table: pure. */
import { mostFileBytes, placeBytes, recordAt, recordHeadBytes } from '@fieldline/shared/config/modbus-file';
import { type Block, blockOf, byAddress, cheapestBlocks, endOf, type Limits, type Span } from './blocks.ts';

/** Requests for all of these points; each that `startsNew` begins one. */
export function requestsOf<P extends Span>(
  points: readonly P[],
  limits: Limits,
  startsNew: (point: P) => boolean = () => false,
): Block<P>[] {
  return limits.maxSubRequests === undefined
    ? cheapestBlocks(points, limits, startsNew)
    : fileRequests(points, limits, startsNew);
}

/** One request for these points, which were in one before. */
export const requestOf = <P extends Span>(points: readonly P[], limits: Limits): Block<P> =>
  limits.maxSubRequests === undefined ? blockOf(points) : fileRequestOf(points, limits.maxGap);

/**
 * Records of files: one request asks for several stretches, so requests are filled in the order of the records. That is the
 * fewest there can be in this order. Stretches never reach from one file into the next.
 */
function fileRequests<P extends Span>(
  points: readonly P[],
  limits: Limits,
  startsNew: (point: P) => boolean,
): Block<P>[] {
  const requests: P[][] = [];
  for (const point of [...points].sort(byAddress)) {
    const open = requests.at(-1);
    if (open === undefined || startsNew(point) || !fits(stretchesOf([...open, point], limits.maxGap), limits)) {
      requests.push([point]);
    } else open.push(point);
  }
  return requests.map((request) => fileRequestOf(request, limits.maxGap));
}

function fileRequestOf<P extends Span>(points: readonly P[], maxGap: number): Block<P> {
  const sorted = [...points].sort(byAddress);
  const stretches = stretchesOf(sorted, maxGap);
  const count = stretches.reduce((sum, stretch) => sum + stretch.count, 0);
  return { first: stretches[0]?.first ?? 0, count, points: sorted, stretches };
}

/** Of points in the order of their records. */
function stretchesOf(points: readonly Span[], maxGap: number): Span[] {
  const stretches: Span[] = [];
  for (const { first, count } of points) {
    const last = stretches.at(-1);
    if (last === undefined || !isOneFile(last, first) || first - endOf(last) > maxGap) stretches.push({ first, count });
    else
      stretches[stretches.length - 1] = { first: last.first, count: Math.max(endOf(last), first + count) - last.first };
  }
  return stretches;
}

const isOneFile = (stretch: Span, first: number): boolean => recordAt(stretch.first).file === recordAt(first).file;

function fits(stretches: readonly Span[], { maxCount, maxSubRequests = 1 }: Limits): boolean {
  const count = stretches.reduce((sum, stretch) => sum + stretch.count, 0);
  const answerBytes = stretches.length * recordHeadBytes + count * 2;
  return (
    count <= maxCount &&
    answerBytes <= mostFileBytes &&
    stretches.length <= maxSubRequests &&
    stretches.length * placeBytes <= mostFileBytes
  );
}
