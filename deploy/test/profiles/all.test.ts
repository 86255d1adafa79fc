import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { shippedProfileNames } from '@fieldline/shared/config/profile-files';
import { expect, test } from 'vitest';
import { profilesFolder } from '../../../edge-agent/src/profiles-folder.ts';

test('every shipped profile is tested here', () => {
  const texts = readdirSync(import.meta.dirname).map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'));
  const tested = texts.flatMap((text) => [...text.matchAll(/^describeProfile\('(.+)', \{$/gm)].map(([, name]) => name));
  expect(tested.toSorted()).toEqual(shippedProfileNames(profilesFolder));
});
