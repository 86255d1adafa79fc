import { join } from 'node:path';

/** Of the profiles that come with the agent; in images and packages too it stands beside `src`. */
export const profilesFolder = join(import.meta.dirname, '..', 'profiles');
