/**
 * Writes what is made from the schemas, so that it can never disagree with them: the JSON Schemas that editors complete
 * YAML with (shared/schema), and the tables of settings in the READMEs. `--check` only says whether they are up to date.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { commandReasons } from '../contracts/command.ts';
import { errorCodes } from '../contracts/errors.ts';
import { normalisedRecordSchema } from '../contracts/normalised.ts';
import { qualities } from '../contracts/quality.ts';
import { edgeSchema } from './edge.ts';
import { ingestSchema } from './ingest.ts';
import { modbusProfileSchema } from './modbus-profile.ts';
import { plantSchema, signalSchema } from './plant.ts';
import { type JsonSchema, settingsTable } from './settings-table.ts';

const root = join(import.meta.dirname, '../../..');

/** The JSON Schema of what a person writes: defaults are optional. */
const jsonSchemaOf = (schema: z.ZodType): JsonSchema =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;

const schemas = {
  edge: jsonSchemaOf(edgeSchema),
  ingest: jsonSchemaOf(ingestSchema),
  profile: jsonSchemaOf(modbusProfileSchema),
  plant: jsonSchemaOf(plantSchema),
  samples: jsonSchemaOf(normalisedRecordSchema),
};

/** Every point has a signal, with the same dozens of alternatives: their table stands once, by itself. */
const withoutSignals = (schema: JsonSchema): JsonSchema =>
  JSON.parse(JSON.stringify(schema), (key, value) =>
    key === 'signal' ? { type: 'signal', description: 'see the signals above' } : value,
  );

/** Of the tags, what those of a device have not. */
const ownOfProfile = (schema: JsonSchema): JsonSchema => {
  const { tags, ...properties } = schema.properties ?? {};
  const { group = {} } = tags?.items?.properties ?? {};
  return { ...schema, properties: { ...properties, tags: { items: { properties: { group } } } } };
};

const errorTable = [
  '| code | try again | meaning |',
  '|---|---|---|',
  ...Object.entries(errorCodes).map(
    ([code, { retryable, meaning }]) => `| \`${code}\` | ${retryable ? 'yes' : 'no'} | ${meaning} |`,
  ),
].join('\n');

const qualityTable = [
  '| code | name | meaning |',
  '|---|---|---|',
  ...Object.entries(qualities).map(([name, { code, meaning }]) => `| ${code} | \`${name}\` | ${meaning} |`),
].join('\n');

const reasonTable = [
  '| reason | meaning |',
  '|---|---|',
  ...Object.entries(commandReasons).map(([reason, meaning]) => `| \`${reason}\` | ${meaning} |`),
].join('\n');

/** The text of a README with the part between `<!-- name -->` and `<!-- /name -->` replaced; unchanged without the marks. */
function withPart(text: string, name: string, part: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = text.indexOf(open);
  const to = text.indexOf(close);
  return from < 0 || to < from ? text : `${text.slice(0, from + open.length)}\n${part}\n${text.slice(to)}`;
}

const readme = (workspace: string, parts: Record<string, string>): [string, string] => {
  const file = `${workspace}/README.md`;
  const text = readFileSync(join(root, file), 'utf8');
  return [file, Object.entries(parts).reduce((sum, [name, part]) => withPart(sum, name, part), text)];
};

export const generated = (): [file: string, text: string][] => [
  ...Object.entries(schemas).map(([name, schema]): [string, string] => [
    `shared/schema/${name}.schema.json`,
    `${JSON.stringify(schema, null, 2)}\n`,
  ]),
  readme('shared', { errors: errorTable, qualities: qualityTable }),
  readme('edge-agent', {
    settings: settingsTable(schemas.edge),
    profile: settingsTable(ownOfProfile(schemas.profile)),
    reasons: reasonTable,
  }),
  readme('cloud-ingest', { settings: settingsTable(schemas.ingest) }),
  readme('simulators', {
    settings: settingsTable(withoutSignals(schemas.plant)),
    signals: settingsTable({ properties: { signal: jsonSchemaOf(signalSchema) } }),
  }),
];

if (import.meta.main) {
  const check = process.argv.includes('--check');
  const stale = generated().filter(([file, text]) => {
    const path = join(root, file);
    if (read(path) === text) return false;
    if (!check) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    return true;
  });
  const verb = check ? 'is out of date: run npm run generate' : 'written';
  for (const [file] of stale) console.log(`${file} ${verb}`);
  if (check && stale.length > 0) process.exitCode = 1;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
