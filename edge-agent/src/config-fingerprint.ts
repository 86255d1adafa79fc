import { createHash } from 'node:crypto';
import type { EdgeConfig } from '@fieldline/shared/config';

/**
 * Tells whether two gateways, or one before and after, run the same settings. The tags of profiles are in them, so another
 * profile file is another fingerprint, as far as it changes what the gateway does.
 */
export const configFingerprint = (settings: EdgeConfig): string =>
  createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16);
