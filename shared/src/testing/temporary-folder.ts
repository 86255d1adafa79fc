import { chownSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reapFolder } from './reaper.ts';

/** A new folder, removed after the test file: each file runs in a process of its own. */
export function temporaryFolder(owner?: { readonly uid: number; readonly gid: number }): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'fieldline-test-'));
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
  reapFolder(folder);
  return folder;
}
