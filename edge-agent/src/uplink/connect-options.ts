import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { EdgeConfig } from '@fieldline/shared/config';
import { FieldlineError } from '@fieldline/shared/contracts';
import { readSecret } from '@fieldline/shared/runtime';
import type { IClientOptions } from 'mqtt';
import type { SiteProxy } from './proxy.ts';

export type MqttVersion = '3.1.1' | '5';
export type UplinkConfig = EdgeConfig['uplink'];

/**
 * Read anew at every connect, so that a rotated password or certificate counts from the next session on. Nothing is kept
 * by the library: what it would keep across sessions is in the journal.
 * @throws FieldlineError settings/unreadable
 */
export function connectOptions(
  uplink: UplinkConfig,
  clientId: string,
  version: MqttVersion,
  will: { readonly topic: string; readonly payload: Buffer },
): IClientOptions {
  const { username, passwordFile } = uplink;
  return {
    protocolVersion: version === '5' ? 5 : 4,
    clientId,
    clean: true,
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    // Ready-made buffers for every number up to 65,535 would cost 9 MB.
    writeCache: false,
    keepalive: Math.max(1, Math.round(uplink.keepaliveMs / 1_000)),
    connectTimeout: uplink.connectTimeoutMs,
    will: { ...will, qos: 1, retain: true },
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined ? {} : { password: readSecret(passwordFile, 'uplink.passwordFile') }),
    ...readTls(uplink.tls),
  };
}

type TlsTexts = { ca?: string; cert?: string; key?: string };

/** @throws FieldlineError settings/unreadable */
export function readTls(tls: UplinkConfig['tls']): TlsTexts {
  const texts = {
    ...(tls?.caFile === undefined ? {} : { ca: readCertificate(tls.caFile, 'uplink.tls.caFile') }),
    ...(tls?.certFile === undefined ? {} : { cert: readCertificate(tls.certFile, 'uplink.tls.certFile') }),
    ...(tls?.keyFile === undefined ? {} : { key: readSecret(tls.keyFile, 'uplink.tls.keyFile') }),
  };
  checkPair(texts, tls);
  return texts;
}

/** OpenSSL takes a file without any for no certificate authority at all: then no broker is trusted, and nothing says why. */
function readCertificate(file: string, setting: string): string {
  const text = readSecret(file, setting);
  if (/-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/.test(text)) return text;
  throw new FieldlineError('settings/unreadable', `${setting}: ${file} holds no certificate (PEM: BEGIN CERTIFICATE)`);
}

function checkPair({ cert, key }: TlsTexts, tls: UplinkConfig['tls']): void {
  if (cert === undefined || key === undefined) return;
  const fits = (): boolean => new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  if (attempt(fits, tls)) return;
  const why = `${tls?.keyFile} is not the key of ${tls?.certFile}; uplink.tls.certFile and keyFile must belong together`;
  throw new FieldlineError('settings/unreadable', `the certificate cannot be used: ${why}`);
}

function attempt(fits: () => boolean, tls: UplinkConfig['tls']): boolean {
  try {
    return fits();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const files = `${tls?.certFile} and ${tls?.keyFile} cannot be read as PEM (${reason})`;
    throw new FieldlineError('settings/unreadable', `uplink.tls: ${files}; a key with a passphrase is not taken`, {
      cause: error,
    });
  }
}

/** @throws FieldlineError settings/unreadable */
export function readProxy({ proxy }: UplinkConfig): SiteProxy | undefined {
  if (proxy === undefined) return undefined;
  const { url, username, passwordFile } = proxy;
  const password = passwordFile === undefined ? undefined : readSecret(passwordFile, 'uplink.proxy.passwordFile');
  return { url, username, password };
}
