import type { StatedTag } from '@fieldline/shared/config';
import { columnNames, statedRules } from './cells.ts';

/** Tags as they stand in the settings of a device, a line each. */
export const tagYaml = (tags: readonly StatedTag[]): string[] => ['tags:', ...tags.map((tag) => `  - ${lineOf(tag)}`)];

function lineOf(tag: StatedTag): string {
  const fields = columnNames.flatMap((name) => {
    const value = name === 'write' && tag.write !== undefined ? statedRules(tag.write) : tag[name];
    return value === undefined ? [] : [`${name}: ${written(value)}`];
  });
  return `{ ${fields.join(', ')} }`;
}

/** As it stands in a line of YAML. */
export function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return scalar(value);
  const fields = Object.entries(value).map(([name, part]) => `${name}: ${written(part)}`);
  return `{ ${fields.join(', ')} }`;
}

/** What YAML could take for something else is quoted. */
function scalar(value: unknown): string {
  if (typeof value !== 'string') return String(value);
  const isPlain = /^[\p{L}][\p{L}\p{N}_./ -]*$/u.test(value) && value === value.trim();
  return isPlain && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value) ? value : JSON.stringify(value);
}
