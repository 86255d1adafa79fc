import type { Declaration } from '@fieldline/shared/contracts';

/** The same statements in as few declarations: neighbours of one kind, reason and subject become one. */
export function mergeDeclarations(declared: readonly Declaration[]): Declaration[] {
  const merged: Declaration[] = [];
  for (const declaration of declared) {
    const at = merged.findIndex((other) => touch(other, declaration));
    const other = merged[at];
    if (other === undefined) merged.push(declaration);
    else merged[at] = join(other, declaration);
  }
  return merged;
}

function touch(left: Declaration, right: Declaration): boolean {
  if (left.reason !== right.reason) return false;
  // Batches are counted once: ranges that overlap would count their samples twice, so only neighbours join.
  if (left.kind === 'batches' && right.kind === 'batches')
    return left.stream === right.stream && (left.to + 1 === right.from || right.to + 1 === left.from);
  if (left.kind === 'series' && right.kind === 'series')
    return left.device === right.device && left.tag === right.tag && left.from <= right.to && right.from <= left.to;
  return false;
}

/** The counts are those of the later one. */
function join<D extends Declaration>(left: D, right: Declaration): D {
  const later = right.to > left.to ? right : left;
  return {
    ...left,
    ...(later.kind === 'batches' && later.counts !== undefined ? { counts: later.counts } : {}),
    from: Math.min(left.from, right.from),
    to: Math.max(left.to, right.to),
    samples: left.samples === null || right.samples === null ? null : left.samples + right.samples,
  };
}
