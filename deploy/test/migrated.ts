import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@fieldline/shared/testing';
import { stringify } from 'yaml';
import { accessOf } from '../demo/settings.ts';

const ingest = fileURLToPath(new URL('../../cloud-ingest/src/main.ts', import.meta.url));

/** The tables of Fieldline in an empty database, made by the program that makes them everywhere. */
export function migrated(databaseUrl: string): void {
  const folder = temporaryFolder();
  const { url, password } = accessOf(databaseUrl);
  writeFileSync(join(folder, 'password'), password ?? '');
  const settings = {
    mqtt: { broker: 'mqtt://127.0.0.1:1883' },
    backbone: { kind: 'embedded', folder: join(folder, 'log') },
    database: { url, passwordFile: join(folder, 'password') },
  };
  writeFileSync(join(folder, 'ingest.yaml'), stringify(settings));
  execFileSync(process.execPath, [ingest, 'migrate', '--config', join(folder, 'ingest.yaml')]);
}
