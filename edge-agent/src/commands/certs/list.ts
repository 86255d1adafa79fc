import type { X509Certificate } from 'node:crypto';
import { dayOf, namesOf, oneLine, shortFingerprint } from '../../drivers/opcua/trust/certificate-words.ts';
import { judgeBy } from '../../drivers/opcua/trust/certificates.ts';
import { ownCertificates } from '../../drivers/opcua/trust/own-certificate.ts';
import type { RevocationList } from '../../drivers/opcua/trust/revocation-list.ts';
import {
  type CertificateState,
  type KeptCertificate,
  readTrustFolder,
  type TrustFolder,
} from '../../drivers/opcua/trust/trust-folder.ts';

/** Those first that wait for somebody. */
const order: readonly CertificateState[] = ['unknown', 'trusted', 'issuer', 'rejected'];

export async function certsLines(folder: string, now: Date): Promise<string[]> {
  const trust = readTrustFolder(folder);
  const { certificates, revocationLists, unreadable } = trust;
  const sorted = order.flatMap((state) => certificates.filter((each) => each.state === state));
  const own = ownCertificates(folder);
  const kept = await Promise.all(sorted.map((each) => keptLines(each, trust, now)));
  const lines = [
    ...kept.flat(),
    ...revocationLists.map((list) => listLine(list, now)),
    ...own.flatMap(({ file, certificate }, position) => [
      ...certificateLines(position === 0 ? 'own' : 'own, next', certificate, now),
      `  file     ${file}: servers must trust it`,
    ]),
    ...unreadable.map((file) => `unreadable: ${file} is no certificate and no revocation list`),
  ];
  return lines.length === 0 ? [`nothing in ${folder} yet: the agent makes its own when it starts`] : lines;
}

async function keptLines(
  { state, certificate, presented }: KeptCertificate,
  trust: TrustFolder,
  now: Date,
): Promise<string[]> {
  const from = presented === null ? [] : [`  from     ${presented.by}, first on ${presented.on}`];
  const isRevoked = (await judgeBy(trust, [certificate], now)).kind === 'revoked';
  const title = [state, certificate.ca ? 'authority' : [], isRevoked ? 'but revoked, so refused' : []]
    .flat()
    .join(', ');
  return [...certificateLines(title, certificate, now), ...from];
}

/** How it is headed, its fingerprint, names and dates. */
export function certificateLines(title: string, certificate: X509Certificate, now: Date): string[] {
  const { fingerprint256, validFromDate, validToDate } = certificate;
  const ended = validToDate < now ? ', expired' : '';
  return [
    `${title}: ${shortFingerprint(certificate)}  ${oneLine(certificate.subject)}`,
    `  SHA-256  ${fingerprint256}`,
    `  names    ${namesOf(certificate)}`,
    `  valid    ${dayOf(validFromDate)} to ${dayOf(validToDate)}${ended}`,
  ];
}

function listLine({ issuer, issuedAt, nextUpdate }: RevocationList, now: Date): string {
  const end = nextUpdate === null ? '' : ` to ${dayOf(nextUpdate)}${nextUpdate < now ? ', expired' : ''}`;
  return `revocation list of ${issuer}, from ${dayOf(issuedAt)}${end}`;
}
