import { dirname, join, resolve } from 'node:path';
import type { Device, EdgeConfig } from '@fieldline/shared/config';

/** Relative paths in the settings are relative to the settings file. */
export function resolvePaths(config: EdgeConfig, folder: string): EdgeConfig {
  const at = (path: string): string => resolve(folder, path);
  const { uplink, journal, flightRecorder } = config;
  return {
    ...config,
    uplink: {
      ...uplink,
      ...(uplink.passwordFile === undefined ? {} : { passwordFile: at(uplink.passwordFile) }),
      ...(uplink.tls === undefined ? {} : { tls: resolveTls(uplink.tls, at) }),
      ...(uplink.proxy?.passwordFile === undefined
        ? {}
        : { proxy: { ...uplink.proxy, passwordFile: at(uplink.proxy.passwordFile) } }),
    },
    journal: { ...journal, folder: at(journal.folder) },
    flightRecorder: {
      ...flightRecorder,
      ...(flightRecorder.folder === undefined ? {} : { folder: at(flightRecorder.folder) }),
    },
    devices: config.devices.map((device): Device => {
      if (device.protocol !== 'opcua') return device;
      const { passwordFile, userCertificateFile, userKeyFile } = device;
      return {
        ...device,
        ...(passwordFile === undefined ? {} : { passwordFile: at(passwordFile) }),
        ...(userCertificateFile === undefined ? {} : { userCertificateFile: at(userCertificateFile) }),
        ...(userKeyFile === undefined ? {} : { userKeyFile: at(userKeyFile) }),
      };
    }),
  };
}

type Tls = NonNullable<EdgeConfig['uplink']['tls']>;

const resolveTls = ({ caFile, certFile, keyFile }: Tls, at: (path: string) => string): Tls => ({
  ...(caFile === undefined ? {} : { caFile: at(caFile) }),
  ...(certFile === undefined ? {} : { certFile: at(certFile) }),
  ...(keyFile === undefined ? {} : { keyFile: at(keyFile) }),
});

/** What is remembered of commands, beside the journal. */
export const commandFile = (config: EdgeConfig): string =>
  join(dirname(config.journal.folder), 'commands', `${config.gateway}.sqlite`);

/** What was learned of devices, beside the journal. */
export const learnedFile = ({ gateway, journal }: Pick<EdgeConfig, 'gateway' | 'journal'>): string =>
  join(dirname(journal.folder), 'learned', `${gateway}.json`);

/** Which times of tags may still miss values, beside the journal. */
export const gapFile = ({ gateway, journal }: Pick<EdgeConfig, 'gateway' | 'journal'>): string =>
  join(dirname(journal.folder), 'gaps', `${gateway}.jsonl`);

/** What the patterns of the settings stand for, beside the journal. */
export const foundTagsFile = ({ gateway, journal }: Pick<EdgeConfig, 'gateway' | 'journal'>): string =>
  join(dirname(journal.folder), 'found-tags', `${gateway}.json`);

/** Beside the journal: the one place of the settings that the agent may write to. */
export const certificateFolder = (config: EdgeConfig): string => join(dirname(config.journal.folder), 'certificates');
