/** What one reader has found out of its device: which tags are refused, which cannot share a request, and when to look again. */
import type { ModbusTable } from '@fieldline/shared/config';
import { recordAt } from '@fieldline/shared/config/modbus-file';
import { type Micros, type QualityCode, qualityCode } from '@fieldline/shared/contracts';
import type { Clock, Log } from '@fieldline/shared/runtime';
import { byAddress } from './blocks.ts';
import { exceptionName } from './exceptions.ts';
import type { Item } from './item.ts';
import { LookAgain, type LookState } from './look-again.ts';
import { type Places, placesOf, placeText, type Recalled } from './refusals.ts';

/** `confirmed`: it was refused alone. Else it only stood in a block that was, and is looked at again in the next turn. */
type Refused = {
  readonly quality: QualityCode;
  readonly confirmed: boolean;
  readonly told: boolean;
  readonly since: Micros;
};

/** What one answer says of a tag. */
export type Refusal = { readonly code: number; readonly quality: QualityCode; readonly confirmed: boolean };

export class FoundOut {
  private readonly table: ModbusTable;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly refused = new Map<Item, Refused>();
  /** Items that cannot share a request with the one before them, e.g. because a register between them is missing: since when. */
  private readonly cuts = new Map<Item, Micros>();
  private readonly lookAgain: LookAgain;

  constructor(table: ModbusTable, clock: Clock, log: Log) {
    this.table = table;
    this.clock = clock;
    this.log = log;
    this.lookAgain = new LookAgain(clock);
  }

  get hasRefused(): boolean {
    return this.refused.size > 0;
  }

  get all(): readonly (readonly [Item, Refused])[] {
    return [...this.refused];
  }

  /** Names, in the order of the addresses. */
  get refusedTags(): readonly string[] {
    return [...this.refused.keys()].sort(byAddress).map(({ tag }) => tag.tag);
  }

  isRefused(item: Item): boolean {
    return this.refused.has(item);
  }

  isApart(item: Item): boolean {
    return this.cuts.has(item);
  }

  adopt(other: FoundOut, items: readonly Item[]): void {
    for (const item of items) {
      const known = other.refused.get(item);
      const apartSince = other.cuts.get(item);
      if (apartSince !== undefined) this.cuts.set(item, apartSince);
      if (known === undefined) continue;
      this.refused.set(item, known);
      this.lookAgain.adopt(other.lookAgain);
    }
  }

  recall({ refused, apart }: Recalled, items: readonly Item[]): void {
    let soonest: LookState | null = null;
    for (const item of items) {
      const place = placeText({ ...item, table: this.table });
      const known = refused.get(place);
      const apartSince = apart.get(place)?.since;
      if (apartSince !== undefined) this.cuts.set(item, apartSince);
      if (known === undefined) continue;
      const { quality, since } = known;
      this.refused.set(item, { quality: qualityCode(quality), confirmed: true, told: true, since });
      if (soonest === null || known.next < soonest.next) soonest = known;
    }
    if (soonest !== null) this.lookAgain.resume(soonest);
  }

  get learned(): Places {
    return placesOf(this.table, this.refused, this.cuts, this.lookAgain.state);
  }

  setApart(item: Item, since: Micros): void {
    this.cuts.set(item, since);
  }

  refuse(item: Item, { code, quality, confirmed }: Refusal): void {
    const { told, since } = this.refused.get(item) ?? { told: false, since: this.clock.now() };
    this.refused.set(item, { quality, confirmed, told: told || confirmed, since });
    if (!confirmed || told) return;
    this.lookAgain.begin();
    const place = this.table === 'file' ? recordAt(item.first) : { address: item.first };
    const reason = exceptionName(code);
    this.log.warn({ tag: item.tag.tag, ...place, reason }, 'the device refuses the tag: is its address right?');
  }

  /** A refusal that was only suspected, or only looked at again, is what it was before. True if that changes anything. */
  unsuspect(item: Item): boolean {
    const known = this.refused.get(item);
    if (known === undefined) return false;
    if (known.told) this.refused.set(item, { ...known, confirmed: true });
    else this.refused.delete(item);
    return !known.told;
  }

  /** True if it was refused until now. */
  given(item: Item): boolean {
    const known = this.refused.get(item);
    if (known === undefined) return false;
    this.refused.delete(item);
    this.lookAgain.found();
    if (this.refused.size === 0) this.lookAgain.end();
    if (known.told) this.log.info({ tag: item.tag.tag }, 'the device gives the tag again');
    return true;
  }

  /** When it is time to look again: each turn does a part of it, within its bound of extra requests. */
  suspectWhenDue(): void {
    if (!this.lookAgain.isDue) return;
    this.lookAgain.looked();
    for (const [item, known] of this.refused) this.refused.set(item, { ...known, confirmed: false });
  }
}
