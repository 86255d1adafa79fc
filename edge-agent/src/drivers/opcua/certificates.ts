/**
 * Our own certificate and those of servers that we trust, as OPC UA applications keep them. In the folder:
 *   own/         our key and certificate, made once; servers must trust own/certs/client_certificate.pem
 *   trusted/     certs/ of servers that the operator trusts, and of authorities
 *   unknown/     of servers that nobody has trusted yet: we write them there, the operator copies or moves them
 *   rejected/    of servers that the operator wants refused, trusted or not; we never write there, for the library would put a
 *                certificate there again while the operator moves it, and then refuse it for good
 */
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { FieldlineError } from '@fieldline/shared/contracts';
import { makeApplicationUrn, OPCUACertificateManager } from './library.ts';

export const applicationName = 'Fieldline';

export type CertificateStore = {
  /** What servers must trust. */
  readonly ownFile: string;
  /** For one attempt to connect: read anew, so that a certificate that the operator moves counts from the next one on. */
  readonly open: () => Promise<OPCUACertificateManager>;
  /** @throws FieldlineError device/exception for a certificate that is not trusted, has expired or is revoked */
  readonly check: (opened: OPCUACertificateManager, certificate: Buffer) => Promise<void>;
};

export function createCertificateStore(folder: string): CertificateStore {
  const ownFile = join(folder, 'own', 'certs', 'client_certificate.pem');

  const openOne = async (): Promise<OPCUACertificateManager> => {
    try {
      const opened = new OPCUACertificateManager({
        rootFolder: folder,
        automaticallyAcceptUnknownCertificate: false,
        disableFileWatchers: true,
      });
      await opened.initialize();
      if (!existsSync(ownFile)) await makeOwn(opened, ownFile);
      return opened;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new FieldlineError('settings/unreadable', `certificates cannot be kept in ${folder}: ${reason}`, {
        cause: error,
      });
    }
  };

  // One after the other: two servers that we connect to at the first start must not make two keys.
  let turn: Promise<unknown> = Promise.resolve();
  return {
    ownFile,
    open: () => {
      const opened = turn.then(openOne, openOne);
      turn = opened.catch(() => undefined);
      return opened;
    },
    check: (opened, certificate) => check(opened, folder, certificate),
  };
}

const tenYearsInDays = 3_650;

const makeOwn = (opened: OPCUACertificateManager, outputFile: string): Promise<void> =>
  opened.createSelfSignedCertificate({
    applicationUri: makeApplicationUrn(hostname(), applicationName),
    dns: [hostname()],
    outputFile,
    subject: `/CN=${applicationName}@${hostname()}`,
    startDate: new Date(),
    validity: tenYearsInDays,
  });

async function check(opened: OPCUACertificateManager, folder: string, certificate: Buffer): Promise<void> {
  const status = await opened.verifyCertificate(certificate, { acceptCertificateWithValidIssuerChain: true });
  if (status === 'Good') return;
  const x509 = new X509Certificate(certificate);
  const { subject, fingerprint256, validTo } = x509;
  const name = `${subject.replaceAll('\n', ', ')} (SHA-256 ${fingerprint256}, valid to ${validTo})`;
  if (status !== 'BadCertificateUntrusted' && status !== 'BadCertificateChainIncomplete') {
    throw new FieldlineError(
      'device/exception',
      `the certificate of the server is not accepted, ${status}: ${name}. Renew it on the server, or check the clocks`,
    );
  }
  const file = await keepUnknown(folder, x509);
  throw new FieldlineError(
    'device/exception',
    `the certificate of the server is not trusted: ${name}. If it is the right one, copy ${file} to ${join(folder, 'trusted', 'certs')}`,
  );
}

async function keepUnknown(folder: string, certificate: X509Certificate): Promise<string> {
  const unknown = join(folder, 'unknown');
  const file = join(unknown, `${certificate.fingerprint256.replaceAll(':', '').toLowerCase()}.pem`);
  if (existsSync(file)) return file;
  await mkdir(unknown, { recursive: true });
  await writeFile(`${file}.new`, certificate.toString());
  await rename(`${file}.new`, file);
  return file;
}
