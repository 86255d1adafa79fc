import { join } from 'node:path';

/** Of the profiles that come with the agent; in images and packages too it stands beside `src`. */
export const profilesFolder = join(import.meta.dirname, '..', 'profiles');

/** Of the models of SunSpec. */
export const sunspecFolder = join(import.meta.dirname, '..', 'sunspec');
