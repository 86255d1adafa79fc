/** What a device does not give though it answers, in words for the operator. Pure. */
import { counted } from '@fieldline/shared/runtime';
import { exceptionName } from './exceptions.ts';
import type { Because } from './lasting-trouble.ts';
import { isOfGateway } from './reply-quality.ts';

/** What one reader cannot read. */
export type ReaderTrouble = {
  /** Tags that the device refuses, each by itself. */
  readonly refused: readonly string[];
  /** What lasts of each request, if anything does, and the tags that are bad by it. */
  readonly requests: readonly { readonly because: Because | null; readonly tags: readonly string[] }[];
};

export type DeviceTrouble = {
  /** null: it gives all that it is asked for. */
  readonly text: string | null;
  /** Refused each by itself. */
  readonly refusedTags: number;
  /** False where it is a gateway that answers, for a device that it cannot reach. */
  readonly isDeviceThere: boolean;
};

const mostNamed = 3;

export function deviceTroubleOf(readers: readonly ReaderTrouble[]): DeviceTrouble {
  const refused = readers.flatMap((reader) => reader.refused);
  const requests = readers.flatMap((reader) => reader.requests);
  const [first] = requests;
  const common = requests.every(({ because }) => because === first?.because) ? (first?.because ?? null) : null;
  if (refused.length === 0 && common !== null) {
    const isDeviceThere = common === 'garbled' || !isOfGateway(common);
    return { text: `it answers every request with ${becauseText(common)}`, refusedTags: 0, isDeviceThere };
  }
  const failed = requests.filter(({ because }) => because !== null && because !== 'garbled');
  const garbled = requests.filter(({ because }) => because === 'garbled').flatMap(({ tags }) => tags);
  const all = [...refused, ...failed.flatMap(({ tags }) => tags)];
  const texts = [
    all.length === 0 ? [] : `it refuses ${all.length} of its tags: ${named(all)}`,
    garbled.length === 0 ? [] : `it answers wrongly for ${counted(garbled.length, 'tag')}: ${named(garbled)}`,
  ].flat();
  return {
    text: texts.length === 0 ? null : texts.join('; '),
    refusedTags: refused.length,
    isDeviceThere: true,
  };
}

const becauseText = (because: Because): string =>
  because === 'garbled' ? 'what is damaged or no answer to it' : nameOf(because);

/** `exception 4 (server device failure)` */
const nameOf = (code: number): string => exceptionName(code).replace(/, (.*)/, ' ($1)');

function named(tags: readonly string[]): string {
  const some = tags.slice(0, mostNamed).join(', ');
  return tags.length <= mostNamed ? some : `${some} and ${counted(tags.length - mostNamed, 'other')}`;
}
