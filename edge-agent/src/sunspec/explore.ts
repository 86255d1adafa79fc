import { FieldlineError } from '@fieldline/shared/contracts';
import type { ReadModel } from './device-tags.ts';
import type { Model } from './model-files.ts';
import { commonModel, type Nameplate, nameplateOf } from './nameplate.ts';
import { type FoundModel, type ReadRegisters, readAll, type Walk, walk } from './walk.ts';

export type Explored = { readonly walk: Walk; readonly nameplate: Nameplate; readonly models: readonly ReadModel[] };

/** Walks a device and reads each model that is known. @throws FieldlineError device/… */
export async function explore(read: ReadRegisters, known: ReadonlyMap<number, Model>): Promise<Explored> {
  const found = await walk(read);
  const common = found.models.find(({ id }) => id === commonModel);
  const nameplate = nameplateOf(common === undefined ? [] : await wordsOf(read, common));
  const models: ReadModel[] = [];
  for (const [position, one] of found.models.entries()) {
    const model = known.get(one.id);
    if (model === undefined) continue;
    const name = nameOf(position, found.models, known);
    models.push({ found: one, model, name, words: await wordsOf(read, one) });
  }
  if (models.length === 0) {
    const ids = found.models.map(({ id }) => id).join(', ');
    throw new FieldlineError('device/reply', `of its models ${ids} none is known here`);
  }
  return { walk: found, nameplate, models };
}

async function wordsOf(read: ReadRegisters, { id, first, length }: FoundModel): Promise<readonly number[]> {
  const words = await readAll(read, first, length + 2);
  if (words === null) throw new FieldlineError('device/exception', `it refuses registers of its own model ${id}`);
  return words;
}

/** `meter`, or where there are several `meter1`, `meter2`. */
function nameOf(position: number, found: readonly FoundModel[], known: ReadonlyMap<number, Model>): string {
  const prefixes = found.map(({ id }) => known.get(id)?.prefix);
  const prefix = prefixes[position] ?? '';
  const before = prefixes.slice(0, position).filter((one) => one === prefix).length;
  return prefixes.filter((one) => one === prefix).length === 1 ? prefix : `${prefix}${before + 1}`;
}
