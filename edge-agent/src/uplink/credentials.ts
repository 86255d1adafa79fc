/**
 * Notices that a file with a certificate, a key or a password has changed while a session is up. Two looks in a row must
 * agree: certificate and key are rarely replaced in the same instant. What cannot be used is told, and the session stays.
 */
import { statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { FieldlineError } from '@fieldline/shared/contracts';
import { pause, readSecret } from '@fieldline/shared/runtime';
import { readProxy, readTls, type UplinkConfig } from './connect-options.ts';

export class Credentials {
  private readonly uplink: UplinkConfig;
  private readonly files: readonly string[];

  constructor(uplink: UplinkConfig) {
    this.uplink = uplink;
    const { caFile, certFile, keyFile } = uplink.tls ?? {};
    const files = [caFile, certFile, keyFile, uplink.passwordFile, uplink.proxy?.passwordFile];
    this.files = files.filter((file) => file !== undefined);
  }

  /** Differs when a file was written or replaced, also behind a symbolic link. */
  version(): string {
    return this.files.map(versionOf).join();
  }

  /**
   * Resolves with true when the files are other ones than those of `used` and can be used, with false when aborted.
   * `onProblem` is told what cannot be used, and null when that is over.
   */
  async changed(
    used: string,
    lookEveryMs: number,
    signal: AbortSignal,
    onProblem: (problem: FieldlineError | null) => void,
  ): Promise<boolean> {
    let seen = used;
    while (await pause(lookEveryMs, signal)) {
      const now = this.version();
      const isSettled = now === seen;
      seen = now;
      if (!isSettled) continue;
      const problem = now === used ? null : this.problem();
      onProblem(problem);
      if (now !== used && problem === null) return true;
    }
    return false;
  }

  private problem(): FieldlineError | null {
    try {
      if (this.uplink.passwordFile !== undefined) readSecret(this.uplink.passwordFile, 'uplink.passwordFile');
      readProxy(this.uplink);
      createSecureContext(readTls(this.uplink.tls));
      return null;
    } catch (error) {
      if (error instanceof FieldlineError) return error;
      const reason = error instanceof Error ? error.message : String(error);
      return new FieldlineError(
        'settings/unreadable',
        `the new certificate cannot be used: ${reason}; uplink.tls.certFile and keyFile must belong together`,
        { cause: error },
      );
    }
  }
}

function versionOf(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? 'missing' : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}`;
}
