/** Walks a SunSpec device by the command, and reads it by the profile that comes of it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadEdgeConfig, type ModbusDevice } from '@fieldline/shared/config';
import { systemClock } from '@fieldline/shared/runtime';
import { temporaryFolder } from '@fieldline/shared/testing';
import { run } from '../../../edge-agent/src/commands/sunspec/command.ts';
import { profilesFolder, sunspecFolder } from '../../../edge-agent/src/profiles-folder.ts';
import { startRig } from '../../../edge-agent/test/drivers/modbus/rig.ts';

export async function walked(args: readonly string[], folder = temporaryFolder()) {
  const said: string[] = [];
  await run({
    args: [...args, '--out', 'sun.yaml'],
    modelsFolder: sunspecFolder,
    workingFolder: folder,
    clock: systemClock,
    signal: new AbortController().signal,
    say: (line) => said.push(line),
  });
  return { folder, said, profile: readFileSync(join(folder, 'sun.yaml'), 'utf8') };
}

/** The device of the settings that names the profile, read once over TCP. */
export async function readWith(folder: string, port: number, rest = '') {
  const file = join(folder, 'edge.yaml');
  const device = `device: sun, protocol: modbus, link: { kind: tcp, host: 127.0.0.1, port: ${port} }, profile: ./sun.yaml${rest}`;
  writeFileSync(file, `gateway: g\nuplink: { broker: 'mqtt://127.0.0.1' }\ndevices: [{ ${device} }]\n`);
  const [loaded] = loadEdgeConfig(file, profilesFolder).devices;
  const rig = await startRig([loaded as ModbusDevice]);
  return { tags: (loaded as ModbusDevice).tags, readings: await rig.read() };
}

export const toPort = (port: number) => ['--host', '127.0.0.1', '--port', String(port)];
