/**
 * Our own certificate and those of servers that we trust, as OPC UA applications keep them. In the folder:
 *   own/         our key and certificate, made once; servers must trust own/certs/client_certificate.pem
 *   trusted/     certs/ of servers that the operator trusts
 *   rejected/    of servers that nobody has trusted yet: we write them there, the operator moves them
 */
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { FieldlineError } from '@fieldline/shared/contracts';
import { OPCUACertificateManager } from './library.ts';

export const ownCertificateFile = (folder: string): string => join(folder, 'own', 'certs', 'client_certificate.pem');

/** Read anew at each attempt to connect, so that a certificate that the operator moves counts from the next one on. */
export async function openCertificates(folder: string): Promise<OPCUACertificateManager> {
  const certificates = new OPCUACertificateManager({
    rootFolder: folder,
    automaticallyAcceptUnknownCertificate: false,
    disableFileWatchers: true,
  });
  await certificates.initialize();
  return certificates;
}

/** @throws FieldlineError device/exception for a certificate that is not trusted, has expired or is revoked */
export async function checkServerCertificate(
  certificates: OPCUACertificateManager,
  folder: string,
  certificate: Buffer,
): Promise<void> {
  const status = await certificates.checkCertificate(certificate);
  if (status.isGood()) return;
  const { subject, fingerprint256, validTo } = new X509Certificate(certificate);
  const name = `${subject.replaceAll('\n', ', ')} (SHA-256 ${fingerprint256}, valid to ${validTo})`;
  const untrusted = status.name === 'BadCertificateUntrusted' || status.name === 'BadCertificateChainIncomplete';
  throw new FieldlineError(
    'device/exception',
    untrusted
      ? `the certificate of the server is not trusted: ${name}. If it is the right one, move it from ${join(folder, 'rejected')} to ${join(folder, 'trusted', 'certs')}`
      : `the certificate of the server is not accepted, ${status.name}: ${name}. Renew it on the server, or check the clocks`,
  );
}
