import { dirname, resolve } from 'node:path';
import { certificateFolder, resolvePaths } from '../resolve-paths.ts';
import type { FieldParts } from './field-parts.ts';

/** Where the agent of a settings file keeps certificates. @throws FieldlineError settings/… */
export async function certificateFolderOf(file: string, readSettings: FieldParts['readSettings']): Promise<string> {
  const { config } = await readSettings(file);
  return certificateFolder(resolvePaths(config, dirname(resolve(file))));
}
