import type { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { FieldlineError } from '@fieldline/shared/contracts';
import { parseCommandArgs, unknownWord, wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import { fileTrouble } from '@fieldline/shared/runtime/file-trouble';
import { certificatesIn } from '../../drivers/opcua/trust/certificate-bytes.ts';
import { oneLine } from '../../drivers/opcua/trust/certificate-words.ts';
import { judgeBy } from '../../drivers/opcua/trust/certificates.ts';
import { readRevocationList } from '../../drivers/opcua/trust/revocation-list.ts';
import {
  addRevocationList,
  addTrusted,
  fingerprintOf,
  type KeptCertificate,
  move,
  readTrustFolder,
} from '../../drivers/opcua/trust/trust-folder.ts';
import { certificateFolderOf } from '../certificate-folder.ts';
import type { FieldParts } from '../field-parts.ts';
import { certsLines } from './list.ts';

export const usage = `Usage: fieldline-edge certs list --config FILE
       fieldline-edge certs trust FINGERPRINT|FILE --config FILE
       fieldline-edge certs reject FINGERPRINT --config FILE

Certificates of OPC UA servers: which are trusted, which were presented and wait for somebody to judge them. What is changed counts from
the next attempt to connect on; the agent need not be restarted.

  list                all of them with fingerprint, names and dates, and our own, which servers must trust
  trust FINGERPRINT   compare it with the one that the server shows, then state its first digits
  trust FILE          the certificate of an authority or a server, or a revocation list of an authority, PEM or DER
  reject FINGERPRINT  refuses a server or all servers of an authority; a connection that is there stays until it ends
`;

const options = { config: { type: 'string' }, help: { type: 'boolean' } } as const;

/** @throws FieldlineError arguments/…, settings/… */
export async function run({ args, readSettings, clock, say }: FieldParts): Promise<void> {
  const { values, positionals } = parseCommandArgs(args, usage, options);
  if (values.help === true) {
    say(usage.trimEnd());
    return;
  }
  const [action, word, ...rest] = positionals;
  const problem = whatIsWrong(action, word, rest);
  if (problem !== null) throw wrongArguments(problem, usage);
  if (values.config === undefined) throw wrongArguments('--config is missing: the settings file', usage);
  const folder = await certificateFolderOf(values.config, readSettings);
  const now = new Date(clock.now() / 1_000);
  for (const line of await tellingOf(folder, () => linesOf(folder, action, word ?? '', now))) say(line);
}

/** The agent may be another user, whose folder it is. */
async function tellingOf<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FieldlineError) throw error;
    throw new FieldlineError('settings/unreadable', `certificates in ${folder}: ${fileTrouble(error)}`, {
      cause: error,
    });
  }
}

function whatIsWrong(action: string | undefined, word: string | undefined, rest: readonly string[]): string | null {
  if (action === undefined) return 'list, trust or reject is missing';
  if (!['list', 'trust', 'reject'].includes(action)) return unknownWord(action, 'certs ', ['list', 'trust', 'reject']);
  if (action === 'list')
    return word === undefined ? null : 'certs list lists all of them: leave out what stands behind it';
  if (word === undefined) return `certs ${action} needs the first digits of a fingerprint: certs list shows them`;
  return rest.length === 0 ? null : `certs ${action} takes one fingerprint`;
}

async function linesOf(
  folder: string,
  action: string | undefined,
  word: string,
  now: Date,
): Promise<readonly string[]> {
  if (action === 'list') return certsLines(folder, now);
  if (action === 'reject') return [reject(folder, word)];
  return isFingerprint(word) ? trust(folder, word, now) : trustFile(folder, word);
}

const isFingerprint = (word: string): boolean => /^[0-9a-f:]+$/i.test(word);

async function trust(folder: string, word: string, now: Date): Promise<string[]> {
  const { certificate, ...kept } = find(folder, word);
  if (kept.state !== 'trusted') move(folder, { certificate, ...kept }, 'trusted');
  const { kind } = await judgeBy(readTrustFolder(folder), [certificate], now);
  return [
    `${kept.state === 'trusted' ? 'is trusted already' : 'trusted from the next attempt to connect on'}: ${nameOf(certificate)}`,
    ...(kind === 'revoked' ? ['it was revoked by its authority, so it is refused all the same: renew it there'] : []),
  ];
}

function reject(folder: string, word: string): string {
  const kept = find(folder, word);
  if (kept.state === 'rejected') return `is rejected already: ${nameOf(kept.certificate)}`;
  move(folder, kept, 'rejected');
  return `rejected from the next attempt to connect on: ${nameOf(kept.certificate)}`;
}

/** Fewer might be anybody's. */
const leastDigits = 4;

function find(folder: string, word: string): KeptCertificate {
  const digits = word.replaceAll(':', '').toLowerCase();
  if (digits.length < leastDigits)
    throw wrongArguments(`${word} is too short: state at least ${leastDigits} digits of the fingerprint`, usage);
  const { certificates } = readTrustFolder(folder);
  const fitting = certificates.filter(({ certificate }) => fingerprintOf(certificate).startsWith(digits));
  const different = new Set(fitting.map(({ certificate }) => certificate.fingerprint256));
  const [first] = fitting;
  if (first === undefined) {
    throw new FieldlineError(
      'arguments/unknown',
      `no certificate in ${folder} has a fingerprint that begins with ${word}; certs list shows them. One appears when its server is connected to`,
    );
  }
  if (different.size === 1) return first;
  const names = fitting.map(
    ({ certificate }) => `${fingerprintOf(certificate).slice(0, 20)} ${oneLine(certificate.subject)}`,
  );
  throw wrongArguments(
    `${word} begins ${different.size} fingerprints: state more digits of one\n  ${names.join('\n  ')}`,
    usage,
  );
}

function trustFile(folder: string, file: string): string[] {
  const bytes = readFile(file);
  const list = tried(() => readRevocationList(bytes));
  if (list !== null) {
    addRevocationList(folder, list.issuer, bytes);
    const until = list.nextUpdate === null ? '' : `, in force until ${list.nextUpdate.toISOString()}`;
    return [`revocation list of ${list.issuer} taken over${until}`];
  }
  const certificates = tried(() => certificatesIn(bytes)) ?? [];
  if (certificates.length === 0) {
    throw new FieldlineError(
      'settings/unreadable',
      `${file} is neither a certificate nor a revocation list, in PEM or DER`,
    );
  }
  return certificates.map((certificate) => {
    addTrusted(folder, certificate);
    const more = certificate.ca ? ', an authority: its servers need its revocation list too' : '';
    return `trusted from the next attempt to connect on: ${nameOf(certificate)}${more}`;
  });
}

function tried<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new FieldlineError('settings/unreadable', `cannot read ${file}: ${fileTrouble(error)}`, { cause: error });
  }
}

const nameOf = (certificate: X509Certificate): string =>
  `${oneLine(certificate.subject)} (SHA-256 ${certificate.fingerprint256})`;
