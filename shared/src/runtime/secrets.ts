import { readFileSync } from 'node:fs';
import { FieldlineError } from '../contracts/errors.ts';
import { fileTrouble } from './file-trouble.ts';

/**
 * A secret from its file, without trailing newlines: settings name files, never secrets.
 * @throws FieldlineError settings/unreadable
 */
export function readSecret(file: string, setting: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/[\r\n]+$/, '');
  } catch (error) {
    throw new FieldlineError('settings/unreadable', `${setting}: cannot read ${file}: ${fileTrouble(error)}`, {
      cause: error,
    });
  }
}
