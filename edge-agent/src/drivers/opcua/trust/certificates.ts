/** Our own certificate and those of servers that we trust, as OPC UA applications keep them: see own-certificate and trust-folder. */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { FieldlineError, type Micros } from '@fieldline/shared/contracts';
import type { Log } from '@fieldline/shared/runtime';
import { fileTrouble } from '@fieldline/shared/runtime/file-trouble';
import { applicationUriOf, certificatesIn } from './certificate-bytes.ts';
import {
  anotherText,
  expiresSoonText,
  refusalText,
  renewalText,
  wrongHostText,
  wrongUriText,
} from './certificate-words.ts';
import { isDue, type OwnCertificate, openOwn, ownFiles } from './own-certificate.ts';
import { judge, type Verdict } from './trust.ts';
import {
  type CertificateState,
  keepUnknown,
  makeTrustFolders,
  readTrustFolder,
  type TrustFolder,
} from './trust-folder.ts';

export type CertificateStore = {
  /** What servers must trust. */
  readonly ownFile: string;
  /** For one attempt to connect, the one to present first; read anew, so that what the operator changes counts from the next on. */
  readonly open: () => Promise<readonly OwnCertificate[]>;
  /**
   * `certificates`: as the server sends them, DER, its own first. Gives what is odd and yet accepted.
   * @throws FieldlineError device/exception for what is not trusted, has expired or is revoked
   */
  readonly check: (certificates: Buffer, by: Presenter) => Promise<readonly string[]>;
  /** What the operator must do before our own certificate expires; null: nothing. */
  readonly note: () => string | null;
};

/** Where it was asked, and the ApplicationUri that it states of itself. */
export type Presenter = { readonly endpoint: string; readonly applicationUri: string };

const serverExpiresSoonMs = 30 * 24 * 3_600_000;

export function createCertificateStore(folder: string, now: () => Micros, log: Log): CertificateStore {
  const files = ownFiles(folder);
  const date = (): Date => new Date(now() / 1_000);
  let own: readonly OwnCertificate[] = [];
  let said: string | null = null;

  const note = (): string | null => {
    const current = own.at(-1);
    return current === undefined || !isDue(current, date()) ? null : renewalText(own, current);
  };

  const openOne = async (): Promise<readonly OwnCertificate[]> => {
    try {
      makeTrustFolders(folder);
      own = await openOwn(folder, date());
    } catch (error) {
      throw error instanceof FieldlineError ? error : unusable(folder, error);
    }
    const news = note();
    if (news !== null && news !== said) log.warn(news);
    said = news;
    return own;
  };

  // One after the other: two servers that we connect to at the first start must not make two keys.
  let turn: Promise<unknown> = Promise.resolve();
  return {
    ownFile: files.current,
    open: () => {
      const opened = turn.then(openOne, openOne);
      turn = opened.catch(() => undefined);
      return opened;
    },
    check: async (certificates, by) => {
      const chain = readChain(certificates);
      const [leaf] = chain;
      if (leaf === undefined) throw refused('the server presents no certificate: give it one, or state security None');
      const known = readTrustFolder(folder);
      const verdict = await judgeBy(known, chain, date());
      if (verdict.kind === 'trusted') return oddities(leaf, verdict.by, by, date());
      const isKept = verdict.kind !== 'unknown' || keepAll(folder, known, chain, by.endpoint, date());
      const former = verdict.kind === 'unknown' ? trustedAt(known, by.endpoint) : [];
      throw refused([...former.map(anotherText), refusalText(verdict, leaf, isKept, date())].join('. '));
    },
    note,
  };
}

/** What was trusted after this endpoint had presented it: a file that somebody copied does not say where it is from. */
const trustedAt = ({ certificates }: TrustFolder, endpoint: string): X509Certificate[] =>
  certificates
    .filter(({ state, presented }) => state === 'trusted' && presented?.by === endpoint)
    .map(({ certificate }) => certificate)
    .slice(0, 1);

export function judgeBy(
  { certificates, revocationLists }: TrustFolder,
  chain: readonly X509Certificate[],
  now: Date,
): Promise<Verdict> {
  const those = (state: CertificateState): X509Certificate[] =>
    certificates.filter((each) => each.state === state).map(({ certificate }) => certificate);
  const lists = { trusted: those('trusted'), issuers: those('issuer'), rejected: those('rejected'), revocationLists };
  return judge(chain, lists, now);
}

/** @throws FieldlineError device/exception */
export function readChain(certificates: Buffer): X509Certificate[] {
  if (certificates.length === 0) return [];
  try {
    return certificatesIn(certificates);
  } catch {
    throw refused('what the server presents as its certificate is none: give it a new one');
  }
}

/** Authorities too: whoever runs the plant may rather trust one of these. */
function keepAll(
  folder: string,
  known: TrustFolder,
  chain: readonly X509Certificate[],
  by: string,
  now: Date,
): boolean {
  const files = new Set(known.certificates.map(({ certificate }) => certificate.fingerprint256));
  return chain.every((each) => files.has(each.fingerprint256) || keepUnknown(folder, each, by, now));
}

/**
 * Of one that is trusted. That the URI must match, no setting may switch off (OPC 10000-4 6.1.3): whoever has a certificate that is
 * trusted for one application could stand for another.
 */
function oddities(
  leaf: X509Certificate,
  by: 'itself' | 'authority',
  { endpoint, applicationUri }: Presenter,
  now: Date,
): string[] {
  if (applicationUriOf(leaf) !== applicationUri) throw refused(wrongUriText(leaf, applicationUri));
  const host = new URL(endpoint).hostname.replace(/^\[|\]$/g, '');
  const isForHost = (isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host)) !== undefined;
  // One that is trusted by itself is known by its fingerprint: then its names prove nothing more.
  if (!isForHost && by === 'authority') throw refused(wrongHostText(leaf, host));
  return leaf.validToDate.getTime() - now.getTime() < serverExpiresSoonMs ? [expiresSoonText(leaf)] : [];
}

const refused = (message: string): FieldlineError => new FieldlineError('device/exception', message);

const unusable = (folder: string, error: unknown): FieldlineError =>
  new FieldlineError('settings/unreadable', `certificates cannot be kept in ${folder}: ${fileTrouble(error)}`, {
    cause: error,
  });
