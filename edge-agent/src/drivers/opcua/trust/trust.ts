/**
 * Whether the certificate of a server is accepted (OPC 10000-4 6.1.3). Invariants:
 *  - it is trusted by itself, or by an authority that is trusted, never by default;
 *  - what the operator rejected, alone or as an authority, is refused whatever else stands for it;
 *  - each certificate below a trusted authority needs a revocation list of its issuer that is in force. One that is trusted by
 *    itself needs none, but is refused where a list names it.
 */
import type { X509Certificate } from 'node:crypto';
import type { RevocationList } from './revocation-list.ts';

export type TrustLists = {
  readonly trusted: readonly X509Certificate[];
  /** Authorities that complete a chain, and are not trusted by themselves. */
  readonly issuers: readonly X509Certificate[];
  readonly rejected: readonly X509Certificate[];
  readonly revocationLists: readonly RevocationList[];
};

export type Verdict =
  | { readonly kind: 'trusted'; readonly by: 'itself' | 'authority' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'rejected' | 'expired' | 'not-yet-valid' | 'weak'; readonly certificate: X509Certificate }
  | {
      readonly kind: 'revoked' | 'no-list' | 'old-list';
      readonly certificate: X509Certificate;
      readonly by: X509Certificate;
    };

/** Longer chains are not followed. */
const longestPath = 5;
/** The least that all policies from Basic256Sha256 on allow. */
const leastKeyBits = 2048;

/** `chain`: as the server sends it, its own certificate first. */
export async function judge(chain: readonly X509Certificate[], lists: TrustLists, now: Date): Promise<Verdict> {
  const path = trustedPath(chain, lists);
  const rejected = (path ?? chain.slice(0, 1)).find((each) => isIn(lists.rejected, each));
  if (rejected !== undefined) return { kind: 'rejected', certificate: rejected };
  if (path === null) return { kind: 'unknown' };
  for (const certificate of path) {
    if (keyBits(certificate) < leastKeyBits) return { kind: 'weak', certificate };
    if (certificate.validFromDate > now) return { kind: 'not-yet-valid', certificate };
    if (certificate.validToDate < now) return { kind: 'expired', certificate };
  }
  for (const [position, certificate] of path.entries()) {
    const isAnchor = position === path.length - 1;
    const verdict = await revocationOf(
      certificate,
      path[position + 1] ?? issuerOf(certificate, chain, lists),
      lists,
      now,
    );
    if (verdict !== null && (!isAnchor || verdict.kind === 'revoked')) return verdict;
  }
  return { kind: 'trusted', by: path.length === 1 ? 'itself' : 'authority' };
}

/** From the certificate of the server to the first one that is trusted; null: there is none. */
function trustedPath(chain: readonly X509Certificate[], lists: TrustLists): readonly X509Certificate[] | null {
  const path: X509Certificate[] = [];
  let next = chain[0];
  while (next !== undefined && path.length < longestPath) {
    path.push(next);
    if (isIn(lists.trusted, next)) return path;
    next = issuerOf(next, chain, lists);
  }
  return null;
}

function issuerOf(
  certificate: X509Certificate,
  chain: readonly X509Certificate[],
  { trusted, issuers }: TrustLists,
): X509Certificate | undefined {
  return [...trusted, ...issuers, ...chain].find(
    (authority) =>
      authority.ca &&
      authority.fingerprint256 !== certificate.fingerprint256 &&
      certificate.checkIssued(authority) &&
      certificate.verify(authority.publicKey),
  );
}

async function revocationOf(
  certificate: X509Certificate,
  by: X509Certificate | undefined,
  { revocationLists }: TrustLists,
  now: Date,
): Promise<Exclude<Verdict, { kind: 'trusted' }> | null> {
  if (by === undefined) return null;
  const signed = await Promise.all(revocationLists.map((list) => list.isOf(by)));
  const [newest] = revocationLists
    .filter((_list, position) => signed[position])
    .sort((one, other) => other.issuedAt.getTime() - one.issuedAt.getTime());
  if (newest === undefined) return { kind: 'no-list', certificate, by };
  if (newest.revokes(certificate)) return { kind: 'revoked', certificate, by };
  return newest.nextUpdate !== null && newest.nextUpdate < now ? { kind: 'old-list', certificate, by } : null;
}

const isIn = (list: readonly X509Certificate[], certificate: X509Certificate): boolean =>
  list.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256);

/** Infinite for keys that are measured otherwise. */
const keyBits = ({ publicKey }: X509Certificate): number =>
  publicKey.asymmetricKeyDetails?.modulusLength ?? Number.POSITIVE_INFINITY;
