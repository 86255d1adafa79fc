/** What an authority says of the certificates that it has taken back (RFC 5280, 5). */
import type { X509Certificate } from 'node:crypto';
import { cryptography } from '../library.ts';

export type RevocationList = {
  readonly issuer: string;
  readonly issuedAt: Date;
  /** After this time it is too old to be believed; null: it states none. */
  readonly nextUpdate: Date | null;
  readonly isOf: (authority: X509Certificate) => Promise<boolean>;
  readonly revokes: (certificate: X509Certificate) => boolean;
};

/** @throws Error if the bytes, PEM or DER, are no revocation list */
export function readRevocationList(bytes: Buffer): RevocationList {
  const text = bytes.toString('latin1');
  const list = new cryptography.x509.X509Crl(text.includes('-----BEGIN') ? text : bytes);
  const revoked = new Set(list.entries.map(({ serialNumber }) => plainSerial(serialNumber)));
  return {
    issuer: list.issuer,
    issuedAt: list.thisUpdate,
    nextUpdate: list.nextUpdate ?? null,
    isOf: async ({ publicKey }) => {
      const key = new cryptography.x509.PublicKey(publicKey.export({ type: 'spki', format: 'der' }));
      return await list.verify({ publicKey: key }).catch(() => false);
    },
    revokes: ({ serialNumber }) => revoked.has(plainSerial(serialNumber)),
  };
}

/** One writes the zero in front that keeps a number positive, another does not. */
const plainSerial = (hex: string): string => hex.toLowerCase().replace(/^0+/, '');
