import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { edgeSchema, ingestSchema, loadConfig, plantSchema } from '@fieldline/shared/config';
import { expect, test } from 'vitest';

const deploy = fileURLToPath(new URL('..', import.meta.url));
const schemas = { plant: plantSchema, edge: edgeSchema, ingest: ingestSchema };
const kindOf = (file: string) =>
  /^(plant|edge|ingest)\b.*\.yaml$/.exec(basename(file))?.[1] as keyof typeof schemas | undefined;

const files = ['examples', 'compose']
  .flatMap((folder) =>
    readdirSync(join(deploy, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  )
  .filter((file) => kindOf(file) !== undefined && !file.includes('generated'));

test('there are settings files to check', () => {
  expect(files).toEqual(expect.arrayContaining(['examples/pumping-station/edge.yaml', 'compose/ingest.yaml']));
});

test.each(files)('%s is valid', (file) => {
  const kind = kindOf(file) ?? 'edge';
  expect(() => loadConfig(schemas[kind], join(deploy, file))).not.toThrow();
});
