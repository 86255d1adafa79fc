/** Who logs in, in the library's words. The files are read at each connect: a changed password needs no restart. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { FieldlineError } from '@fieldline/shared/contracts';
import { readSecret } from '@fieldline/shared/runtime';
import { fileTrouble } from '@fieldline/shared/runtime/file-trouble';
import { cryptography, type UserIdentityInfo, UserTokenType } from '../library.ts';
import type { Identity } from '../plan.ts';

/** @throws FieldlineError settings/unreadable */
export function readIdentity(identity: Identity, now: Date): UserIdentityInfo {
  switch (identity.kind) {
    case 'anonymous':
      return { type: UserTokenType.Anonymous };
    case 'password': {
      const password = readSecret(identity.passwordFile, 'passwordFile');
      return { type: UserTokenType.UserName, userName: identity.name, password };
    }
    case 'certificate': {
      const { certificateFile, keyFile } = identity;
      const certificate = readUserCertificate(certificateFile, now);
      const pem = readSecret(keyFile, 'userKeyFile');
      checkKey(pem, keyFile, certificate, certificateFile);
      const keyOperations = cryptography.keyOperationsFromPrivateKey(cryptography.makePrivateKeyFromPem(pem));
      return { type: UserTokenType.Certificate, certificateData: certificate.raw, keyOperations };
    }
  }
}

function readUserCertificate(file: string, now: Date): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFileSync(file));
  } catch (error) {
    throw unreadable(`userCertificateFile: cannot read ${file} as a certificate: ${fileTrouble(error)}`, error);
  }
  if (certificate.validToDate < now) {
    throw unreadable(`userCertificateFile: ${file} expired on ${certificate.validTo}: have it renewed`);
  }
  return certificate;
}

function checkKey(pem: string, keyFile: string, certificate: X509Certificate, certificateFile: string): void {
  let fits: boolean;
  try {
    fits = certificate.checkPrivateKey(createPrivateKey(pem));
  } catch (error) {
    throw unreadable(`userKeyFile: ${keyFile} is no private key in PEM without a passphrase`, error);
  }
  if (!fits) throw unreadable(`userKeyFile: ${keyFile} is not the key of ${certificateFile}`);
}

const unreadable = (message: string, cause?: unknown): FieldlineError =>
  new FieldlineError('settings/unreadable', message, { cause });
