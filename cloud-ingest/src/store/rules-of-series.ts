import type { ValueType } from '@fieldline/shared/contracts';
import { periodsOf, type Version } from './periods.ts';
import { type Rules, rulesOf } from './rules.ts';

/** Different rules remembered for sharing; beyond it, each series has its own again. */
const maxShared = 10_000;

/** Rules by series. Thousands of series have the same: those are one object. A series of which nothing was stated has none. */
export class RulesOfSeries {
  private readonly bySeries = new Map<number, Rules>();
  private readonly shared = new Map<string, Rules>();

  get(seriesId: number): Rules | undefined {
    return this.bySeries.get(seriesId);
  }

  add(seriesId: number, versions: readonly Version[], type: ValueType): void {
    if (versions.length > 0) this.bySeries.set(seriesId, this.sharedOf(rulesOf(periodsOf(versions), type)));
  }

  addAll(other: RulesOfSeries): void {
    for (const [seriesId, rules] of other.bySeries) this.bySeries.set(seriesId, this.sharedOf(rules));
  }

  clear(): void {
    this.bySeries.clear();
    this.shared.clear();
  }

  private sharedOf(rules: Rules): Rules {
    // Infinities are null in JSON: each place has only one kind of it.
    const key = JSON.stringify(rules.periods);
    const known = this.shared.get(key);
    if (known !== undefined) return known;
    if (this.shared.size >= maxShared) this.shared.clear();
    this.shared.set(key, rules);
    return rules;
  }
}
