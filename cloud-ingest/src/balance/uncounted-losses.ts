/**
 * Of a declaration `d`: a loss that states no number of samples, as the time between a crash and the next start, or a file
 * that cannot be read. It is in no count and so in no share: whoever tells a share tells these beside it. Batches that came
 * all the same are no loss: stored beats declared.
 */
export const isUncountedLoss = `(d.samples IS NULL AND NOT EXISTS (
  SELECT FROM stream target WHERE target.stream = d.target_stream AND target.committed @> int8range(d.from_seq, d.to_seq + 1)
))`;
