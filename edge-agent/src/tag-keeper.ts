/** Keeps what the patterns of the settings stand for, and says when that is other than what the agent was started with. */
import type { OpcuaDevice } from '@fieldline/shared/config';
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import type { Clock, Log } from '@fieldline/shared/runtime';
import {
  type Found,
  type KnownTags,
  mergeFound,
  withKnownTags,
  writeKnownTags,
} from './drivers/opcua/nodes/found-tags.ts';

export type TagKeeper = {
  /** The settings with the tags that are known now. */
  readonly settings: () => EdgeConfig;
  /** Gives what could not be taken, in words for the operator. */
  readonly take: (device: OpcuaDevice, found: Found) => readonly string[];
  /** Begins to wait for other tags than those of now. */
  readonly changed: () => Promise<void>;
  /** Waits until the file is written. */
  readonly settled: () => Promise<void>;
};

export function createTagKeeper(
  stated: EdgeConfig,
  known: KnownTags,
  { file, clock, log }: { readonly file: string; readonly clock: Clock; readonly log: Log },
): TagKeeper {
  let onChange: { readonly from: string; readonly tell: () => void } | null = null;
  let writing: Promise<void> = Promise.resolve();
  let cannotWrite = false;

  const keep = async (): Promise<void> => {
    try {
      await writeKnownTags(file, known);
      cannotWrite = false;
    } catch (error) {
      if (!cannotWrite)
        log.warn({ file, err: error }, 'the tags of patterns cannot be kept: the next start has to find them anew');
      cannotWrite = true;
    }
  };

  return {
    settings: () => withKnownTags(stated, known),
    take: (device, found) => {
      // The driver knows the device with the tags that were made of patterns; they are no tags of its own.
      const own = stated.devices.find((one) => one.device === device.device);
      if (own?.protocol !== 'opcua') return [];
      const before = known[own.device] ?? [];
      const merged = mergeFound(own, before, found, clock.now());
      if (JSON.stringify(merged.known) === JSON.stringify(before)) return merged.problems;
      known = { ...known, [own.device]: merged.known };
      writing = writing.then(keep);
      if (onChange !== null && tagsIn(withKnownTags(stated, known)) !== onChange.from) onChange.tell();
      return merged.problems;
    },
    changed: () =>
      new Promise((resolve) => {
        onChange = { from: tagsIn(withKnownTags(stated, known)), tell: resolve };
      }),
    settled: () => writing,
  };
}

const tagsIn = ({ devices }: EdgeConfig): string =>
  JSON.stringify(
    devices.map((device) => (device.protocol === 'opcua' && device.patterns.length > 0 ? device.tags : null)),
  );
