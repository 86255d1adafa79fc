/** The programs as images and packages have them: emitted JavaScript, with the packages that are installed here. */
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { build, shipped } from '../image/build.ts';

export async function emit(root: string, target: string): Promise<void> {
  await build(target);
  const installed = join(root, 'node_modules');
  const linked = join(target, 'node_modules');
  mkdirSync(join(linked, '@fieldline'), { recursive: true });
  for (const name of readdirSync(installed)) {
    if (name !== '@fieldline') symlinkSync(join(installed, name), join(linked, name));
  }
  // Our own must be the emitted ones.
  for (const workspace of shipped) symlinkSync(join(target, workspace), join(linked, '@fieldline', workspace));
}
