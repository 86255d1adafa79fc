/** Certificates of servers, users and authorities for tests, with whatever is wrong with them. */
import { createPrivateKey, type webcrypto, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { cryptography } from '../../../src/drivers/opcua/library.ts';

const { x509 } = cryptography;
const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]) };
const dayMs = 24 * 3_600_000;

export type Made = {
  readonly certificate: X509Certificate;
  readonly file: string;
  readonly keyFile: string;
  readonly keys: webcrypto.CryptoKeyPair;
};

export type MadeSettings = {
  readonly name?: string;
  /** Absent: signed by itself. */
  readonly by?: Made;
  readonly isAuthority?: boolean;
  readonly isClient?: boolean;
  readonly uri?: string;
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly fromDays?: number;
  readonly toDays?: number;
  readonly keyBits?: number;
};

export async function make(settings: MadeSettings = {}): Promise<Made> {
  const { name = 'Server', by, isAuthority = false, uri, dns = [], ip = [], fromDays = -1, toDays = 100 } = settings;
  const keys = await crypto.subtle.generateKey({ ...algorithm, modulusLength: settings.keyBits ?? 2048 }, true, [
    'sign',
    'verify',
  ]);
  const alternatives = [
    ...(uri === undefined ? [] : [{ type: 'url' as const, value: uri }]),
    ...dns.map((value) => ({ type: 'dns' as const, value })),
    ...ip.map((value) => ({ type: 'ip' as const, value })),
  ];
  const { keyCertSign, cRLSign, digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment } =
    x509.KeyUsageFlags;
  const usage = isAuthority
    ? keyCertSign | cRLSign
    : digitalSignature | nonRepudiation | keyEncipherment | dataEncipherment;
  const made = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: by?.certificate.subject ?? `CN=${name}`,
    notBefore: new Date(Date.now() + fromDays * dayMs),
    notAfter: new Date(Date.now() + toDays * dayMs),
    publicKey: keys.publicKey,
    signingKey: (by?.keys ?? keys).privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(isAuthority, undefined, true),
      new x509.KeyUsagesExtension(usage, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create((by?.keys ?? keys).publicKey),
      ...(settings.isClient === true
        ? [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth], true)]
        : []),
      ...(alternatives.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternatives)]),
    ],
  });
  const folder = temporaryFolder();
  const file = join(folder, 'certificate.pem');
  const keyFile = join(folder, 'key.pem');
  writeFileSync(file, made.toString('pem'));
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  writeFileSync(keyFile, key.export({ type: 'pkcs8', format: 'pem' }));
  return { certificate: new X509Certificate(made.toString('pem')), file, keyFile, keys };
}

/** A file with the list of what an authority has taken back. */
export async function revocationListOf(by: Made, revoked: readonly Made[], toDays = 10): Promise<string> {
  const list = await x509.X509CrlGenerator.create({
    issuer: by.certificate.subject,
    thisUpdate: new Date(Date.now() - 20 * dayMs),
    nextUpdate: new Date(Date.now() + toDays * dayMs),
    entries: revoked.map(({ certificate }) => ({
      serialNumber: certificate.serialNumber.toLowerCase(),
      revocationDate: new Date(),
    })),
    signingAlgorithm: algorithm,
    signingKey: by.keys.privateKey,
  });
  const file = join(temporaryFolder(), 'list.crl');
  writeFileSync(file, list.toString('pem'));
  return file;
}
