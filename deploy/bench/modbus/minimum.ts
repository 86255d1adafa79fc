/**
 * The fewest requests that read all of these registers, by the plainest way there is: from the lowest on, each request as long as it
 * may be. It shares nothing with the planner of the agent, which it is held against.
 */
export function fewestRequests(addresses: readonly number[], maxRegisters: number, maxGap: number): number {
  let requests = 0;
  let first = Number.NEGATIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const address of [...addresses].sort((one, other) => one - other)) {
    if (address - last - 1 > maxGap || address - first + 1 > maxRegisters) {
      requests += 1;
      first = address;
    }
    last = address;
  }
  return requests;
}
