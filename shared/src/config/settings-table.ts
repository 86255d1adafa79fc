/** The part of JSON Schema that zod writes for our settings. */
export type JsonSchema = {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  /** Of a list with a fixed number of entries. */
  readonly prefixItems?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
};

type Row = { key: string; value: string; fallback: string; description: string };

/** One Markdown row per setting. Alternatives are told apart by their fixed value, e.g. `devices[modbus].link[tcp].port`. */
export function settingsTable(schema: JsonSchema): string {
  const rows = rowsOf(schema, '');
  return [
    '| setting | value | default | meaning |',
    '|---|---|---|---|',
    ...rows.map(({ key, value, fallback, description }) => `| \`${key}\` | ${value} | ${fallback} | ${description} |`),
  ].join('\n');
}

function rowsOf(schema: JsonSchema, prefix: string): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    const list = property.items !== undefined && property.prefixItems === undefined;
    const inner = property.items ?? property;
    const alternatives =
      (inner.oneOf ?? inner.anyOf)?.filter((alternative) => alternative.properties !== undefined) ?? [];
    if (alternatives.length > 0) {
      return alternatives.flatMap((alternative) => rowsOf(alternative, `${key}[${fixedValue(alternative)}]`));
    }
    if (inner.properties !== undefined) return rowsOf(inner, list ? `${key}[]` : key);
    const required = schema.required?.includes(name) === true;
    return [
      {
        key,
        value: valueText(property),
        fallback: fallbackText(property, required),
        description: cell(property.description ?? ''),
      },
    ];
  });
}

const fixedValue = (schema: JsonSchema): string =>
  Object.values(schema.properties ?? {})
    .map((property) => property.const)
    .filter((value) => value !== undefined)
    .map(String)[0] ?? '';

function valueText(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.prefixItems !== undefined) return `[${schema.prefixItems.map(valueText).join(', ')}]`;
  if (schema.items !== undefined) return `list of ${valueText(schema.items)}`;
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return alternatives.map(valueText).join(' or ');
  const { minimum, maximum } = schema;
  const bounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER && minimum !== undefined;
  return `${schema.type ?? 'any'}${bounded && minimum > Number.MIN_SAFE_INTEGER ? ` ${minimum}–${maximum}` : ''}`;
}

function fallbackText(schema: JsonSchema, required: boolean): string {
  if (required) return 'required';
  return schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
