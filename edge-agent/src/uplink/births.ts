import { callsOf, type Device } from '@fieldline/shared/config/edge';
import { type BirthMessage, encodeMessage, messageVersion, type Tag, type TagBirth } from '@fieldline/shared/contracts';

/** Well below what the strictest brokers take. */
export const maxBirthBytes = 100_000;

type DeviceBirth = BirthMessage['devices'][number];

/** What the gateway reads: the devices of the settings with the tags that their drivers have, and which of them commands may write. */
export function describeDevices(
  devices: readonly Device[],
  tags: readonly Tag[],
  takesCommands: boolean,
): DeviceBirth[] {
  const typeOf = new Map(tags.map((tag) => [`${tag.device}/${tag.tag}`, tag.type]));
  return devices.map((stated) => {
    const { device, protocol } = stated;
    const birthOf = (setting: Described, isWritable: boolean): TagBirth[] => {
      const { tag, unit, description, minimum, maximum } = setting;
      const type = typeOf.get(`${device}/${tag}`);
      if (type === undefined) return [];
      return [
        {
          tag,
          type,
          ...(unit === undefined ? {} : { unit }),
          ...(description === undefined ? {} : { description }),
          ...(minimum === undefined ? {} : { minimum }),
          ...(maximum === undefined ? {} : { maximum }),
          ...(isWritable && takesCommands ? { writable: true } : {}),
        },
      ];
    };
    const ofTags = stated.tags.flatMap((tag) => birthOf(tag, 'write' in tag && tag.write !== undefined));
    return { device, protocol, tags: [...ofTags, ...callsOf(stated).flatMap((call) => birthOf(call, true))] };
  });
}

type Described = Pick<Device['tags'][number], 'tag' | 'unit' | 'description' | 'minimum' | 'maximum'>;

/** The birth messages: as few parts as their size allows; a device with many tags may stand in several. */
export function birthMessages(gateway: string, devices: readonly DeviceBirth[], maxBytes = maxBirthBytes): Buffer[] {
  const parts: DeviceBirth[][] = [[]];
  let bytes = 0;
  const roomBytes = maxBytes - 200 - gateway.length;
  for (const { device, protocol, tags } of devices) {
    let open: TagBirth[] | undefined;
    for (const tag of tags) {
      const head = open === undefined ? device.length + protocol.length + 50 : 0;
      const size = Buffer.byteLength(JSON.stringify(tag)) + 1;
      if (bytes > 0 && bytes + head + size > roomBytes) {
        parts.push([]);
        bytes = 0;
        open = undefined;
      }
      if (open === undefined) {
        open = [];
        parts.at(-1)?.push({ device, protocol, tags: open });
        bytes += device.length + protocol.length + 50;
      }
      open.push(tag);
      bytes += size;
    }
  }
  return parts.map((part, index) =>
    encodeMessage({ v: messageVersion, gateway, part: index + 1, parts: parts.length, devices: part }),
  );
}
