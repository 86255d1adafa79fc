import { X509Certificate } from 'node:crypto';
import { cryptography } from '../library.ts';

/** Those of a file or of a server: PEM blocks with any text between them, or DER, one behind the other. @throws Error for anything else */
export function certificatesIn(bytes: Buffer): X509Certificate[] {
  const blocks = bytes.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  return (blocks ?? cryptography.split_der(bytes)).map((each) => new X509Certificate(each));
}

/** Of the application that it was issued for; null where it names none. A name with a comma stands in quotes, as in JSON. */
export function applicationUriOf({ subjectAltName }: X509Certificate): string | null {
  const [, name] = /(?:^|, )URI:("(?:[^"\\]|\\.)*"|[^,]+)/.exec(subjectAltName ?? '') ?? [];
  return name === undefined ? null : name.startsWith('"') ? JSON.parse(name) : name;
}
