/** A walked device as the text of a profile. */

import type { Written } from '@fieldline/shared/config/loose-data';
import { counted } from '@fieldline/shared/runtime';
import { type ReadModel, tagsOf } from './device-tags.ts';
import type { Nameplate } from './nameplate.ts';
import type { Walk } from './walk.ts';

export type WalkedDevice = {
  readonly walk: Walk;
  readonly nameplate: Nameplate;
  readonly models: readonly ReadModel[];
  /** Where it was found, e.g. `10.0.0.7:502, unit 1`. */
  readonly place: string;
};

export function profileText({ walk, nameplate, models, place }: WalkedDevice): string {
  const { maker, model, version, serial } = nameplate;
  const ids = walk.models.map(({ id }) => id).join(', ');
  return `${[
    '# Written by fieldline-edge sunspec, from the list of models that the device itself has. Another firmware may move them:',
    '# after an update let it be written again. Lines with # are points that had no value then; take the # away for one that has.',
    '',
    `model: ${quoted(`${maker} ${model}`.trim() || 'SunSpec device')}`,
    'sources:',
    `  - title: ${quoted(`SunSpec models ${ids} of the device ${serial}`.trim())}`,
    `    at: ${quoted(`${place}, registers from ${walk.base}`)}`,
    ...(version === '' ? [] : [`    edition: ${quoted(`firmware ${version}`)}`]),
    'byteOrder: ABCD',
    'tags:',
    ...models.flatMap(modelLines),
  ].join('\n')}\n`;
}

function modelLines(read: ReadModel): string[] {
  const { found, model } = read;
  const title = `  # model ${found.id}, ${counted(found.length, 'register')} from ${found.first}: ${model.title}`;
  return [title, ...tagsOf(read).map(({ fields, isAbsent }) => `  ${isAbsent ? '# ' : ''}- ${flow(fields)}`)];
}

const flow = (fields: Written): string =>
  `{ ${Object.entries(fields)
    .map(([key, value]) => `${key}: ${isPlain(value) ? value : quoted(value)}`)
    .join(', ')} }`;

/** A word that YAML reads as it stands. */
const isPlain = (value: unknown): boolean => typeof value === 'string' && /^[A-Za-z][\w.-]*$/.test(value);

const quoted = (value: unknown): string => JSON.stringify(value);
