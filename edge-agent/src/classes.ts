/** Which class each tag is of: samples of different classes go different ways from the filter on. */
import { callsOf, type Device, takesEvents } from '@fieldline/shared/config/edge';
import { defaultClass, type Sample, type Tag, type TagClass, tagClasses } from '@fieldline/shared/contracts';

export type Classes = {
  /** The default one is always among them. */
  readonly inUse: readonly TagClass[];
  /** In the order in which they came. */
  readonly apart: (samples: readonly Sample[]) => Iterable<readonly [TagClass, readonly Sample[]]>;
};

type Stated = Device['tags'][number] | ReturnType<typeof callsOf>[number];

/** What a tag does not say, its device says for it. Where neither does, events are alarms. */
export const classOf = (tag: Stated, device: Device): TagClass =>
  tag.class ?? device.class ?? (takesEvents(tag) ? 'alarm' : defaultClass);

/** `own`: tags of the gateway itself. */
export function classesOf(devices: readonly Device[], own: readonly (readonly [Tag, TagClass])[] = []): Classes {
  /** Those of another class than the default: mostly few. */
  const stated = new Map<string, TagClass>(own.map(([{ device, tag }, tagClass]) => [`${device}/${tag}`, tagClass]));
  for (const device of devices) {
    for (const tag of [...device.tags, ...callsOf(device)]) {
      const tagClass = classOf(tag, device);
      if (tagClass !== defaultClass) stated.set(`${device.device}/${tag.tag}`, tagClass);
    }
  }
  const found = new Set<TagClass>([defaultClass, ...stated.values()]);
  const inUse = tagClasses.filter((tagClass) => found.has(tagClass));
  const known = new Map<Tag, TagClass>();
  const knownOf = (tag: Tag): TagClass => {
    const tagClass = known.get(tag) ?? stated.get(`${tag.device}/${tag.tag}`) ?? defaultClass;
    known.set(tag, tagClass);
    return tagClass;
  };
  return {
    inUse,
    apart: (samples) => (inUse.length === 1 ? [[defaultClass, samples]] : byClass(samples, knownOf)),
  };
}

function byClass(samples: readonly Sample[], classOf: (tag: Tag) => TagClass): Map<TagClass, Sample[]> {
  const apart = new Map<TagClass, Sample[]>();
  for (const sample of samples) {
    const tagClass = classOf(sample.tag);
    const own = apart.get(tagClass);
    if (own === undefined) apart.set(tagClass, [sample]);
    else own.push(sample);
  }
  return apart;
}
