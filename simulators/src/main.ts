#!/usr/bin/env node
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig, plantSchema } from '@fieldline/shared/config';
import { FieldlineError } from '@fieldline/shared/contracts';
import { createLog, endWithoutReader, runProgram, untilAborted } from '@fieldline/shared/runtime';
import { startPlant } from './plant.ts';

const usage = `usage: fieldline-sim run --plant FILE [--certificates FOLDER]
  Starts the devices of a plant file (YAML) and serves until Ctrl-C.
  --certificates FOLDER   where OPC UA servers keep theirs; without it they are made anew at each start`;

const log = createLog('fieldline-sim', 'info');
endWithoutReader();

await runProgram(async (signal) => {
  const wanted = readArguments();
  if (wanted === 'help') {
    process.stdout.write(`${usage}\n`);
    return;
  }
  const { plantFile, certificateFolder } = wanted;
  const plant = loadConfig(plantSchema, plantFile);
  const running = await startPlant(plant, { baseFolder: dirname(plantFile), certificateFolder, log });
  for (const { name, protocol, url } of running.servers) log.info({ server: name, protocol }, `listening on ${url}`);
  if (plant.control !== undefined) {
    log.info(`faults on command at http://${plant.control.host}:${running.controlPort}/faults`);
  }
  await untilAborted(signal);
  await running.close();
}, log);

function readArguments(): { plantFile: string; certificateFolder: string | undefined } | 'help' {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { plant: { type: 'string' }, certificates: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help === true) return 'help';
    if (positionals.join(' ') === 'run' && values.plant !== undefined) {
      return { plantFile: values.plant, certificateFolder: values.certificates };
    }
  } catch (error) {
    throw new FieldlineError('arguments/invalid', `${(error as Error).message}\n${usage}`, { cause: error });
  }
  throw new FieldlineError('arguments/invalid', usage);
}
