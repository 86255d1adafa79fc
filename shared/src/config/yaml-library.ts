/**
 * The YAML library, loaded by the first text that is not plain, or whose places somebody wants to know: its 72 files are 3 MB
 * and a part of the start that a gateway seldom needs.
 */
import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';

const require = createRequire(import.meta.url);
let library: typeof Yaml | undefined;

export function yamlLibrary(): typeof Yaml {
  library ??= require('yaml') as typeof Yaml;
  return library;
}
