import type { EdgeConfig } from '@fieldline/shared/config';
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

/** @throws FieldlineError settings/unreadable */
export const readTls = (tls: UplinkConfig['tls']): { ca?: string; cert?: string; key?: string } => ({
  ...(tls?.caFile === undefined ? {} : { ca: readSecret(tls.caFile, 'uplink.tls.caFile') }),
  ...(tls?.certFile === undefined ? {} : { cert: readSecret(tls.certFile, 'uplink.tls.certFile') }),
  ...(tls?.keyFile === undefined ? {} : { key: readSecret(tls.keyFile, 'uplink.tls.keyFile') }),
});

/** @throws FieldlineError settings/unreadable */
export function readProxy({ proxy }: UplinkConfig): SiteProxy | undefined {
  if (proxy === undefined) return undefined;
  const { url, username, passwordFile } = proxy;
  const password = passwordFile === undefined ? undefined : readSecret(passwordFile, 'uplink.proxy.passwordFile');
  return { url, username, password };
}
