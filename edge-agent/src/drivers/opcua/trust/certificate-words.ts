/** What is said of certificates: which one, what is wrong with it, and which side must do what. */
import type { X509Certificate } from 'node:crypto';
import { applicationUriOf } from './certificate-bytes.ts';
import type { OwnCertificate } from './own-certificate.ts';
import type { Verdict } from './trust.ts';
import { fingerprintOf } from './trust-folder.ts';

export type Refusal = Exclude<Verdict, { kind: 'trusted' }>;

/** `what`: the first digits of a fingerprint, or a file. */
export const trustCommand = (what: string): string => `fieldline-edge certs trust ${what} --config SETTINGS`;

/** `isKept`: whether the operator finds it under the unknown ones. */
export function refusalText(verdict: Refusal, leaf: X509Certificate, isKept: boolean, now: Date): string {
  const which = 'certificate' in verdict ? verdict.certificate : leaf;
  const name = `${which === leaf ? 'the certificate of the server' : 'an authority of the server'}, ${describe(which)},`;
  const by = 'by' in verdict ? describe(verdict.by) : '';
  const trustIt = trustCommand(shortFingerprint(leaf));
  switch (verdict.kind) {
    case 'unknown':
      return `the certificate of the server is not trusted: ${describe(leaf)}. If the server shows the same fingerprint: ${trustIt}${isKept ? '' : ', after others were judged: too many wait for that, so it was not kept'}`;
    case 'rejected':
      return `${name} was rejected here. If that was wrong: ${trustCommand(shortFingerprint(which))}`;
    case 'expired':
      return `${name} has expired: ${which === leaf ? 'renew it on the server' : 'have it renewed, and give the new one to the server'}, or correct the clock here (${now.toISOString()})`;
    case 'not-yet-valid':
      return `${name} is not valid before ${which.validFromDate.toISOString()}: correct the clock here (${now.toISOString()}), or that of the server`;
    case 'weak':
      return `${name} has a key of less than 2048 bits, which can be broken: give the server a new one`;
    case 'revoked':
      return `${name} was revoked by its authority ${by}: give the server a new one`;
    case 'no-list':
      return `${name} comes from an authority whose revocation list is missing, ${by}: add it (${trustCommand('FILE')}), or trust the certificate by itself (${trustIt})`;
    case 'old-list':
      return `${name} comes from an authority whose revocation list has expired, ${by}: add its new one (${trustCommand('FILE')})`;
  }
}

/** `former`: what is trusted, and was presented at the same endpoint. */
export const anotherText = (former: X509Certificate): string =>
  `the server presents another certificate than the one that is trusted, ${describe(former)}: it was given a new one, or somebody else answers in its place`;

/** An authority vouches for names: without the name, any of its servers could stand for this one. */
export const wrongHostText = (leaf: X509Certificate, host: string): string =>
  `the certificate of the server is not for ${host} but for ${namesOf(leaf)}: state such a name in endpoint, have the certificate issued for ${host}, or trust it by itself (${trustCommand(shortFingerprint(leaf))})`;

/** `stated`: by the server, of itself. */
export const wrongUriText = (leaf: X509Certificate, stated: string): string =>
  `the certificate of the server is for the application ${applicationUriOf(leaf) ?? 'without a URI'}, and the server calls itself ${stated || 'nothing'}: give the server a certificate with its ApplicationUri, or set that one as the ApplicationUri of the server`;

export const expiresSoonText = ({ validToDate }: X509Certificate): string =>
  `the certificate of the server expires on ${dayOf(validToDate)}: renew it there`;

/** `own`: the successor first, where there is one. */
export function renewalText(own: readonly OwnCertificate[], current: OwnCertificate): string {
  const end = `our own certificate expires on ${dayOf(current.certificate.validToDate)}`;
  const [first = current] = own;
  return first === current
    ? `${end}: have its authority renew it, and put the new one into ${current.file}`
    : `${end}: trust its successor on every server before (${first.file}, ${fingerprintText(first.certificate)})`;
}

const describe = (certificate: X509Certificate): string =>
  `${oneLine(certificate.subject)} (${fingerprintText(certificate)}, valid to ${dayOf(certificate.validToDate)})`;

export const oneLine = (name: string): string => name.replaceAll('\n', ', ');

export const namesOf = ({ subjectAltName }: X509Certificate): string => subjectAltName ?? 'no name at all';

export const dayOf = (date: Date): string => date.toISOString().slice(0, 10);

const fingerprintText = ({ fingerprint256 }: X509Certificate): string => `SHA-256 ${fingerprint256}`;

/** Enough to tell certificates apart, few enough to type. */
export const shortFingerprint = (certificate: X509Certificate): string => fingerprintOf(certificate).slice(0, 12);
