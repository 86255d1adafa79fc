/**
 * Our own key and certificate, made once and kept:
 *   own/private/private_key.pem        never leaves the machine
 *   own/certs/client_certificate.pem   what servers must trust
 *   own/certs/next_certificate.pem     its successor, from 90 days before it expires
 * Servers know a certificate by its fingerprint, so each must trust the successor before the old one ends. Until then it is
 * presented first and the old one where a server refuses it: that puts it on the server's list of refused certificates, where
 * somebody can trust it at any time. The successor has the same key: a new one would win no trust, and one file to rename is
 * never half done. Who wants a new key deletes the folder `own`.
 *
 * A certificate that was put here by hand, from an authority, is used as it is and never replaced.
 */
import { createPrivateKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { FieldlineError } from '@fieldline/shared/contracts';
import { makeFolder } from '@fieldline/shared/runtime';
import { fileTrouble } from '@fieldline/shared/runtime/file-trouble';
import { cryptography, makeApplicationUrn } from '../library.ts';
import { applicationUriOf, certificatesIn } from './certificate-bytes.ts';

export const applicationName = 'Fieldline';

export type OwnCertificate = {
  readonly file: string;
  readonly certificate: X509Certificate;
  /** Itself, with those of its authorities behind it. */
  readonly chain: readonly X509Certificate[];
  readonly key: KeyObject;
};

export type OwnFiles = { readonly key: string; readonly current: string; readonly next: string };

export const ownFiles = (folder: string): OwnFiles => ({
  key: join(folder, 'own', 'private', 'private_key.pem'),
  current: join(folder, 'own', 'certs', 'client_certificate.pem'),
  next: join(folder, 'own', 'certs', 'next_certificate.pem'),
});

const dayMs = 24 * 3_600_000;
const validMs = 3_650 * dayMs;
/** Time for the operators of all servers. */
export const renewAheadMs = 90 * dayMs;
/** A clock that was never set would make a certificate that has expired once it is. */
const earliestMs = Date.UTC(2026, 0);

/** Those that may be presented, in this order. @throws FieldlineError settings/unreadable */
export async function openOwn(folder: string, now: Date): Promise<readonly OwnCertificate[]> {
  const files = ownFiles(folder);
  const key = await keyIn(files.key);
  if (!existsSync(files.current)) await make(files.current, key, defaultUri(), now);
  const current = read(files.current, key);
  if (!isDue(current, now) || !isSelfMade(current)) return [current];
  // Servers know us by this URI, whatever the machine is called by now.
  if (!existsSync(files.next)) await make(files.next, key, applicationUriOf(current.certificate) ?? '', now);
  const next = read(files.next, key);
  if (current.certificate.validToDate > now) return [next, current];
  await rename(files.next, files.current);
  return [{ ...next, file: files.current }];
}

export const isDue = ({ certificate }: OwnCertificate, now: Date): boolean =>
  certificate.validToDate.getTime() - now.getTime() < renewAheadMs;

const isSelfMade = ({ certificate }: OwnCertificate): boolean =>
  certificate.issuer === certificate.subject && certificate.verify(certificate.publicKey);

async function keyIn(file: string): Promise<KeyObject> {
  if (!existsSync(file)) {
    makeFolder(dirname(file), 0o700);
    await write(file, pemOf(await newKey()), 0o600);
  }
  try {
    return createPrivateKey(readFileSync(file));
  } catch (error) {
    throw unusable(`${file} cannot be read as a private key in PEM without a passphrase: ${fileTrouble(error)}`, error);
  }
}

const newKey = async (): Promise<KeyObject> =>
  (await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })).privateKey;

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

async function make(file: string, key: KeyObject, applicationUri: string, now: Date): Promise<void> {
  makeFolder(dirname(file));
  await write(file, await sign(key, applicationUri, now), 0o644);
}

/** For a question to a server that needs no proof of who asks: nothing of it is kept. */
export async function passingCertificate(now: Date): Promise<OwnCertificate> {
  const key = await newKey();
  const certificate = new X509Certificate(await sign(key, defaultUri(), now));
  return { file: '', certificate, chain: [certificate], key };
}

const defaultUri = (): string => makeApplicationUrn(hostname(), applicationName);

/** Gives the certificate in PEM. */
async function sign(key: KeyObject, applicationUri: string, now: Date): Promise<string> {
  const notBefore = new Date(Math.max(now.getTime(), earliestMs) - dayMs);
  const { cert } = await cryptography.createSelfSignedCertificate({
    privateKey: await cryptography.pemToPrivateKey(pemOf(key)),
    applicationUri,
    dns: [hostname()],
    // A common name has 64 characters at most (RFC 5280, appendix A.1).
    subject: `/CN=${`${applicationName}@${hostname()}`.slice(0, 64)}`,
    // A server whose clock is a little behind must not take it for one of the future.
    notBefore,
    notAfter: new Date(notBefore.getTime() + validMs),
    purpose: cryptography.CertificatePurpose.ForApplication,
  });
  return cert;
}

async function write(file: string, content: string | Buffer, mode: number): Promise<void> {
  await writeFile(`${file}.new`, content, { mode, flush: true });
  await rename(`${file}.new`, file);
}

function read(file: string, key: KeyObject): OwnCertificate {
  const chain = readFileChain(file);
  const [certificate] = chain;
  if (certificate === undefined) throw unusable(`${file} is empty: delete it for a new one`);
  if (!certificate.checkPrivateKey(key)) {
    throw unusable(`${file} does not belong to the private key beside it: put both there, or delete both for new ones`);
  }
  if (applicationUriOf(certificate) === null) {
    throw unusable(`${file} has no application URI in its subjectAltName, which servers want: have one issued with it`);
  }
  return { file, certificate, chain, key };
}

function readFileChain(file: string): X509Certificate[] {
  try {
    return certificatesIn(readFileSync(file));
  } catch (error) {
    throw unusable(`${file} is no certificate: ${fileTrouble(error)}`, error);
  }
}

/** Without the key, and nothing is made: the one in use, and its successor where there is one. */
export function ownCertificates(folder: string): Pick<OwnCertificate, 'file' | 'certificate'>[] {
  const { current, next } = ownFiles(folder);
  return [current, next]
    .filter((file) => existsSync(file))
    .flatMap((file) =>
      readFileChain(file)
        .slice(0, 1)
        .map((certificate) => ({ file, certificate })),
    );
}

const unusable = (message: string, cause?: unknown): FieldlineError =>
  new FieldlineError('settings/unreadable', `our own certificate: ${message}`, { cause });
