import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ingestSchema, loadConfig, loadEdgeConfig, plantSchema } from '@fieldline/shared/config';
import { expect, test } from 'vitest';
import { profilesFolder } from '../../edge-agent/src/profiles-folder.ts';

const deploy = fileURLToPath(new URL('..', import.meta.url));
const loaders = {
  plant: (file: string): unknown => loadConfig(plantSchema, file),
  edge: (file: string): unknown => loadEdgeConfig(file, profilesFolder),
  ingest: (file: string): unknown => loadConfig(ingestSchema, file),
};
const kindOf = (file: string) =>
  /^(plant|edge|ingest)\b.*\.yaml$/.exec(basename(file))?.[1] as keyof typeof loaders | undefined;

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
  expect(() => loaders[kind](join(deploy, file))).not.toThrow();
});
