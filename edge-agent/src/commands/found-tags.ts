/** The settings as the agent would run them: with the tags of their patterns, as it found them when it last saw the servers. */
import { dirname, resolve } from 'node:path';
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import { counted } from '@fieldline/shared/runtime';
import { readKnownTags, withKnownTags } from '../drivers/opcua/nodes/found-tags.ts';
import { foundTagsFile, resolvePaths } from '../resolve-paths.ts';

/** A file that cannot be read is as none: the agent says so when it starts. */
export function withFoundTags(file: string, config: EdgeConfig): EdgeConfig {
  try {
    return withKnownTags(config, readKnownTags(foundTagsFile(resolvePaths(config, dirname(resolve(file))))));
  } catch {
    return config;
  }
}

type Device = EdgeConfig['devices'][number];

/** What the patterns of a device gave; null where it has none. `stated`: the device as the settings have it. */
export function patternsText(stated: Device, whole: Device): string | null {
  if (stated.protocol !== 'opcua' || stated.patterns.length === 0) return null;
  const patterns = counted(stated.patterns.length, 'pattern');
  const found = whole.tags.length - stated.tags.length;
  if (found === 0) return `${patterns} not looked up yet: that is done when the agent reaches the server`;
  return `${counted(found, 'tag')} by ${patterns}, as last seen`;
}
