/** What stands where in the models of SunSpec: data, a file for each family of models with the same points. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fieldsOf, listOf, type Written } from '@fieldline/shared/config/loose-data';
import { profileTagSchema, sourceSchema } from '@fieldline/shared/config/modbus-profile';
import { invalid, issuesOf, parseText, readText } from '@fieldline/shared/config/settings-text';
import { id } from '@fieldline/shared/config/units';
import { z } from 'zod';

/** Addresses and scale factors count from the first register of the model, which holds its id. */
export const modelFileSchema = z.strictObject({
  models: z.array(z.int().positive()).min(1),
  title: z.string().min(1),
  prefix: id.describe('of its tags'),
  source: sourceSchema,
  repeat: z
    .strictObject({ from: z.int().positive(), length: z.int().positive() })
    .optional()
    .describe('the tags are those of a block that comes once for each module'),
  tags: z.array(profileTagSchema.safeExtend({ address: z.int().nonnegative() })).min(1),
});
type ModelTag = z.infer<typeof modelFileSchema>['tags'][number];

/** A tag as it was checked, and as its file has it. */
export type ModelPoint = { readonly tag: ModelTag; readonly written: Written };
export type Model = Omit<z.infer<typeof modelFileSchema>, 'tags'> & { readonly points: readonly ModelPoint[] };

/** By the id of the model. */
export function loadModels(folder: string): ReadonlyMap<number, Model> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
  const models = files.map((file) => loadModel(join(folder, file)));
  return new Map(models.flatMap((model) => model.models.map((number) => [number, model] as const)));
}

function loadModel(file: string): Model {
  const read = parseText(readText(file), file);
  if (read.problems !== null) throw invalid(file, read.problems);
  const { data, doubled, problemAt } = read.data;
  if (doubled.length > 0) throw invalid(file, doubled);
  const checked = issuesOf(modelFileSchema, data);
  if (checked.issues !== null) throw invalid(file, checked.issues.map(problemAt));
  const { tags, ...model } = checked.data;
  const written = listOf(fieldsOf(data).tags).map(fieldsOf);
  return { ...model, points: tags.map((tag, position) => ({ tag, written: written[position] ?? {} })) };
}
