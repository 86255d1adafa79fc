/** So many requests in a row without an answer, of all units there are, and the connection itself is in doubt. */
const silentConnectionLimit = 3;

/** Whether a connection still brings answers: one dead unit must not cost the others behind the same gateway theirs. */
export class ConnectionDoubt {
  private silentRequests = 0;
  /** Units asked in vain since the last answer of any. */
  private readonly silentUnits = new Set<number>();

  heard(): void {
    this.silentRequests = 0;
    if (this.silentUnits.size > 0) this.silentUnits.clear();
  }

  /** True where it is to be given up. `units`: how many have been asked. */
  silent(unit: number, units: number): boolean {
    this.silentRequests += 1;
    this.silentUnits.add(unit);
    return this.silentUnits.size >= units && this.silentRequests >= silentConnectionLimit;
  }
}
