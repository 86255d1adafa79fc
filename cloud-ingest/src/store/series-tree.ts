import type { Tag, ValueType } from '@fieldline/shared/contracts';

type Name = Pick<Tag, 'device' | 'tag'>;
export type Known = { readonly seriesId: number; readonly type: ValueType };

/** Gateway → device → tag. The tags of a batch stand device by device, so the last device is kept at hand. */
export class SeriesTree {
  size = 0;
  private readonly gateways = new Map<string, Map<string, Map<string, Known>>>();
  private gateway = '';
  private device = '';
  private tags: Map<string, Known> | undefined;

  find(gateway: string, { device, tag }: Name): Known | undefined {
    if (device !== this.device || gateway !== this.gateway || this.tags === undefined) {
      this.gateway = gateway;
      this.device = device;
      this.tags = this.gateways.get(gateway)?.get(device);
    }
    return this.tags?.get(tag);
  }

  add(gateway: string, { device, tag }: Name, known: Known): void {
    const devices = this.gateways.get(gateway) ?? new Map<string, Map<string, Known>>();
    const tags = devices.get(device) ?? new Map<string, Known>();
    if (!tags.has(tag)) this.size += 1;
    this.gateways.set(gateway, devices.set(device, tags.set(tag, known)));
  }

  remove(gateway: string, { device, tag }: Name): void {
    if (this.gateways.get(gateway)?.get(device)?.delete(tag)) this.size -= 1;
  }

  addAll(other: SeriesTree): void {
    for (const [gateway, devices] of other.gateways)
      for (const [device, tags] of devices) for (const [tag, known] of tags) this.add(gateway, { device, tag }, known);
  }

  clear(): void {
    this.gateways.clear();
    this.tags = undefined;
    this.size = 0;
  }
}
