/**
 * Files with certificates, keys and passwords that cannot be used, in the words of the agent. Warnings: it runs without them,
 * journals what it reads and tries again, and whoever checks the settings may not be allowed to read its secrets.
 */
import type { Device } from '@fieldline/shared/config';
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import { isFieldlineError } from '@fieldline/shared/contracts';
import { readSecret } from '@fieldline/shared/runtime';
import { readTls } from '../../uplink/connect-options.ts';
import type { Issue } from './findings.ts';

/** `config`: with absolute paths. */
export function secretFiles({ uplink, devices }: EdgeConfig): Issue[] {
  return [...uplinkFiles(uplink), ...devices.flatMap((device, index) => deviceFiles(device, ['devices', index]))];
}

function uplinkFiles({ tls = {}, passwordFile, proxy }: EdgeConfig['uplink']): Issue[] {
  const { caFile, certFile, keyFile } = tls;
  const each = [
    ...unusable(['uplink', 'tls', 'caFile'], caFile, () => readTls({ caFile })),
    ...unusable(['uplink', 'tls', 'certFile'], certFile, () => readTls({ certFile })),
    ...unusable(['uplink', 'tls', 'keyFile'], keyFile, () => readTls({ keyFile })),
  ];
  return [
    ...each,
    ...(each.length === 0 ? unusable(['uplink', 'tls', 'keyFile'], keyFile, () => readTls({ certFile, keyFile })) : []),
    ...unreadable(['uplink', 'passwordFile'], passwordFile),
    ...unreadable(['uplink', 'proxy', 'passwordFile'], proxy?.passwordFile),
  ];
}

function deviceFiles(device: Device, path: Issue['path']): Issue[] {
  if (device.protocol !== 'opcua') return [];
  const { passwordFile, userCertificateFile, userKeyFile } = device;
  return [
    ...unreadable([...path, 'passwordFile'], passwordFile),
    ...unreadable([...path, 'userCertificateFile'], userCertificateFile),
    ...unreadable([...path, 'userKeyFile'], userKeyFile),
  ];
}

const unreadable = (path: Issue['path'], file: string | undefined): Issue[] =>
  unusable(path, file, () => readSecret(file ?? '', path.join('.')));

function unusable(path: Issue['path'], file: string | undefined, use: () => unknown): Issue[] {
  if (file === undefined) return [];
  try {
    use();
    return [];
  } catch (error) {
    if (!isFieldlineError(error)) throw error;
    // The place says already which setting it is.
    const reason = error.message.replace(`${path.join('.')}: `, '');
    return [{ path, message: `${reason} (the agent would run, and not connect before that is mended)` }];
  }
}
