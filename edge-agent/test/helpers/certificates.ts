import { execFileSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });

/** An authority of its own, with the files that it makes in a folder. */
export function makeAuthority(folder: string, authority = 'ca') {
  const file = (name: string): string => join(folder, name);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const newKey = (name: string): string[] => [...curve, '-nodes', '-keyout', file(`${name}.key`)];
  openssl(
    'req',
    '-x509',
    ...newKey(authority),
    ...['-out', file(`${authority}.pem`), '-subj', `/CN=test ${authority}`],
  );
  const signed = ['-CA', file(`${authority}.pem`), '-CAkey', file(`${authority}.key`), '-CAcreateserial'];
  const issue = (name: string, subject: string, extension: string): void => {
    writeFileSync(file(`${name}.ext`), extension);
    openssl('req', ...newKey(name), '-out', file(`${name}.csr`), '-subj', subject);
    openssl(
      ...['x509', '-req', '-in', file(`${name}.csr`), ...signed],
      ...['-out', file(`${name}.pem`), '-extfile', file(`${name}.ext`)],
    );
  };
  return {
    file,
    /** For a broker on loopback. */
    issueBroker: (name: string) => issue(name, '/CN=127.0.0.1', 'subjectAltName=IP:127.0.0.1,DNS:localhost\n'),
    issueGateway: (name: string, commonName: string) =>
      issue(name, `/CN=${commonName}`, 'extendedKeyUsage=clientAuth\n'),
    /** As tools of certificates do it: the new file takes the place of the old one. */
    replace: (from: string, to: string) => renameSync(file(from), file(to)),
  };
}
