/**
 * The certificates of servers and authorities, a file each, and revocation lists. In the folder:
 *   trusted/     certs/ of servers and authorities that the operator trusts, crl/ of authorities
 *   issuers/     certs/ of authorities that only complete a chain, crl/ of them
 *   unknown/     what servers presented and nobody has judged yet: we write it there
 *   rejected/    what the operator wants refused; we write there only when he says so
 * Whoever wants may copy files by hand instead of by command; they are read anew at each attempt to connect.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '@fieldline/shared/runtime';
import { type RevocationList, readRevocationList } from './revocation-list.ts';

export type CertificateState = 'trusted' | 'issuer' | 'unknown' | 'rejected';

export type KeptCertificate = {
  readonly state: CertificateState;
  readonly certificate: X509Certificate;
  readonly file: string;
  /** The endpoint that sent it, and when it first did; null where somebody copied the file. */
  readonly presented: { readonly by: string; readonly on: string } | null;
};

export type TrustFolder = {
  readonly certificates: readonly KeptCertificate[];
  readonly revocationLists: readonly RevocationList[];
  /** Files that are no certificate, or no revocation list. */
  readonly unreadable: readonly string[];
};

const folders: Readonly<Record<CertificateState, string>> = {
  trusted: 'trusted/certs',
  issuer: 'issuers/certs',
  unknown: 'unknown',
  rejected: 'rejected',
};
const listFolders = ['trusted/crl', 'issuers/crl'];

/** Whoever answers in the name of a server can make new ones without end. */
const mostUnknown = 100;

/** So that whoever copies files by hand finds where to. */
export function makeTrustFolders(folder: string): void {
  for (const place of [...Object.values(folders), ...listFolders]) makeFolder(join(folder, place));
}

export function readTrustFolder(folder: string): TrustFolder {
  const unreadable: string[] = [];
  const readAll = <T>(place: string, read: (bytes: Buffer, file: string) => T): T[] =>
    filesIn(join(folder, place)).flatMap((file) => {
      try {
        return [read(readFileSync(file), file)];
      } catch {
        unreadable.push(file);
        return [];
      }
    });
  const states: CertificateState[] = ['trusted', 'issuer', 'unknown', 'rejected'];
  return {
    certificates: states.flatMap((state) =>
      readAll(folders[state], (bytes, file) => ({
        state,
        certificate: new X509Certificate(bytes),
        file,
        presented: presentedIn(bytes),
      })),
    ),
    revocationLists: listFolders.flatMap((place) => readAll(place, readRevocationList)),
    unreadable,
  };
}

/** Not those that are about to be renamed, nor what the system hides. */
const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.') && !entry.name.endsWith('.new'))
        .map(({ name }) => join(folder, name))
    : [];

/** A line before the certificate, where PEM lets text stand: it moves along with the file. */
const presentedLine = (by: string, on: string): string => `presented by ${by} on ${on}\n`;

function presentedIn(bytes: Buffer): KeptCertificate['presented'] {
  const [, by, on] = /^presented by (\S+) on (\S+)$/m.exec(bytes.toString('latin1')) ?? [];
  return by === undefined || on === undefined ? null : { by, on };
}

/** For the operator to judge; false: there are too many already. */
export function keepUnknown(folder: string, certificate: X509Certificate, by: string, on: Date): boolean {
  const place = join(folder, folders.unknown);
  const file = join(place, fileName(certificate));
  if (existsSync(file)) return true;
  if (filesIn(place).length >= mostUnknown) return false;
  write(file, place, presentedLine(by, on.toISOString()) + certificate.toString());
  return true;
}

/** Gives the file that it is now. */
export function move(folder: string, kept: KeptCertificate, to: 'trusted' | 'rejected'): string {
  const place = join(folder, folders[to]);
  const file = join(place, fileName(kept.certificate));
  makeFolder(place);
  renameSync(kept.file, file);
  return file;
}

export function addTrusted(folder: string, certificate: X509Certificate): string {
  const place = join(folder, folders.trusted);
  const file = join(place, fileName(certificate));
  write(file, place, certificate.toString());
  return file;
}

/** In the place of the one before of the same authority. */
export function addRevocationList(folder: string, issuer: string, bytes: Buffer): void {
  const place = join(folder, 'trusted/crl');
  write(join(place, `${createHash('sha256').update(issuer).digest('hex').slice(0, 16)}.crl`), place, bytes);
}

function write(file: string, place: string, content: string | Buffer): void {
  makeFolder(place);
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}

const fileName = (certificate: X509Certificate): string => `${fingerprintOf(certificate)}.pem`;

/** SHA-256, as hexadecimal digits without colons. */
export const fingerprintOf = ({ fingerprint256 }: X509Certificate): string =>
  fingerprint256.replaceAll(':', '').toLowerCase();
