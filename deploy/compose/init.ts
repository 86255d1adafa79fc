/**
 * Makes what compose.yaml needs and no repository may hold: passwords, each random and made once, and the settings of the
 * example with the names of this network. Running it again keeps the passwords.
 *
 *   node deploy/bootstrap.mjs node deploy/compose/init.ts [folder]
 */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig, loadEdgeConfig, plantSchema } from '@fieldline/shared/config';
import { stringify } from 'yaml';
import { profilesFolder } from '../../edge-agent/src/profiles-folder.ts';
import { edgeSettings, plantSettings } from '../demo/settings.ts';

const here = dirname(fileURLToPath(import.meta.url));
const example = join(here, '..', 'examples', 'pumping-station');

/** Secrets that are one random text each. */
const secrets = [
  'api-token',
  'broker-gateway',
  'broker-ingest',
  'broker-operator',
  'database-fieldline',
  'database-grafana',
  'database-superuser',
  'grafana-admin',
] as const;

export function init(folder: string): void {
  // Containers run as users of their own and must read the files: what keeps others out is the folder.
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  for (const name of secrets) {
    const file = join(folder, name);
    if (!existsSync(file)) writeShared(file, randomBytes(24).toString('base64url'));
  }
  const edge = loadEdgeConfig(join(example, 'edge.yaml'), profilesFolder);
  const accounts = {
    ingest: readFileSync(join(folder, 'broker-ingest'), 'utf8'),
    operator: readFileSync(join(folder, 'broker-operator'), 'utf8'),
    [edge.gateway]: readFileSync(join(folder, 'broker-gateway'), 'utf8'),
  };
  const lines = Object.entries(accounts).map(([user, password]) => `${user}:${mosquittoHash(password)}\n`);
  writeShared(join(folder, 'broker-accounts'), lines.join(''));
  const plant = loadConfig(plantSchema, join(example, 'plant.yaml'));
  const everywhere = ({ port }: { port: number }) => ({ host: '0.0.0.0', port });
  writeShared(join(folder, 'plant.yaml'), stringify({ ...plantSettings(plant, everywhere), control: undefined }));
  const broker = {
    broker: 'mqtt://mosquitto:1883',
    username: edge.gateway,
    passwordFile: '/run/secrets/broker-gateway',
  };
  const atSimulators = ({ port }: { port: number }) => ({ host: 'simulators', port });
  const settings = edgeSettings(edge, broker, { at: atSimulators, httpPort: 9_101, journal: '/data/journal' });
  writeShared(join(folder, 'edge.yaml'), stringify(settings));
}

function writeShared(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o644 });
  chmodSync(file, 0o644);
}

/** As mosquitto_passwd writes it: `$7$` PBKDF2 with SHA-512, iterations, salt, key. */
export function mosquittoHash(password: string): string {
  const iterations = 20_000;
  const salt = randomBytes(12);
  const key = pbkdf2Sync(password, salt, iterations, 64, 'sha512');
  return `$7$${iterations}$${salt.toString('base64')}$${key.toString('base64')}`;
}

if (import.meta.main) {
  const folder = resolve(process.argv[2] ?? join(here, 'generated'));
  init(folder);
  process.stdout.write(`Passwords and settings are in ${folder}\n`);
  process.stdout.write(`The page asks for the text in api-token; Grafana for admin and the text in grafana-admin.\n`);
}
