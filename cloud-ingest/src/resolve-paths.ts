import { resolve } from 'node:path';
import type { BackboneConfig, IngestConfig } from '@fieldline/shared/config';

type At = (path: string) => string;
type Tls = NonNullable<IngestConfig['mqtt']['tls']>;
type Client = { readonly passwordFile?: string | undefined; readonly tls?: Tls | undefined };

/** Relative paths in the settings are relative to the settings file. */
export function resolvePaths(config: IngestConfig, folder: string): IngestConfig {
  const at: At = (path) => resolve(folder, path);
  const { mqtt, backbone, database, api } = config;
  return {
    ...config,
    mqtt: { ...mqtt, ...clientFiles(mqtt, at) },
    backbone: resolveBackbone(backbone, at),
    database: { ...database, ...clientFiles(database, at) },
    api: { ...api, ...(api.tokenFile === undefined ? {} : { tokenFile: at(api.tokenFile) }) },
  };
}

function resolveBackbone(backbone: BackboneConfig, at: At): BackboneConfig {
  if (backbone.kind === 'embedded') return { ...backbone, folder: at(backbone.folder) };
  const { sasl, tls } = backbone;
  return {
    ...backbone,
    ...clientFiles({ tls }, at),
    ...(sasl === undefined ? {} : { sasl: { ...sasl, passwordFile: at(sasl.passwordFile) } }),
  };
}

const clientFiles = ({ passwordFile, tls }: Client, at: At): Client => ({
  ...(passwordFile === undefined ? {} : { passwordFile: at(passwordFile) }),
  ...(tls === undefined ? {} : { tls: resolveTls(tls, at) }),
});

const resolveTls = ({ caFile, certFile, keyFile }: Tls, at: At): Tls => ({
  ...(caFile === undefined ? {} : { caFile: at(caFile) }),
  ...(certFile === undefined ? {} : { certFile: at(certFile) }),
  ...(keyFile === undefined ? {} : { keyFile: at(keyFile) }),
});
