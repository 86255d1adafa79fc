/** `npm run fault:cloud`: see `usage`. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FieldlineError } from '@fieldline/shared/contracts';
import { counted, runProgram } from '@fieldline/shared/runtime';
import { kafka } from '@fieldline/shared/testing/kafka';
import { mosquitto } from '@fieldline/shared/testing/mosquitto';
import { timescale } from '@fieldline/shared/testing/timescale';
import { type Report, runCloudFaults } from './run-cloud-faults.ts';

const usage = `npm run fault:cloud -- [--seed N] [--rounds N] [--gateways N] [--plain]

Real agents feed a real Mosquitto, Kafka and TimescaleDB; bridge, processors and servers are killed at random, partitions are
added, records doubled and poisoned. Then every value served and every sample published is looked for in the rows.

  --seed N      repeats the choices of a run; by default a new one, which is printed
  --rounds N    faults that strike (100)
  --gateways N  agents that feed the line (3)
  --plain       plain PostgreSQL instead of TimescaleDB
Exit code 0 only if each sample is there once and the balance closes.
`;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function options() {
  try {
    const { values } = parseArgs({
      options: {
        seed: { type: 'string' },
        rounds: { type: 'string', default: '100' },
        gateways: { type: 'string', default: '3' },
        plain: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const number = (name: string, text: string, most: number): number => {
      if (!/^\d+$/.test(text) || Number(text) < 1 || Number(text) > most)
        throw new Error(`--${name} must be a whole number from 1 to ${most}, not ${text}`);
      return Number(text);
    };
    return {
      help: values.help,
      seed: values.seed === undefined ? randomInt(1, 2 ** 31) : number('seed', values.seed, 2 ** 31),
      rounds: number('rounds', values.rounds, 10_000),
      gateways: number('gateways', values.gateways, 20),
      timescale: !values.plain,
    };
  } catch (error) {
    throw new FieldlineError('arguments/invalid', `${(error as Error).message}\n\n${usage}`, { cause: error });
  }
}

function print({ struck, served, samples, rows, audit, poison, findings }: Report): void {
  say(`\n${[...struck].map(([name, times]) => `${String(times).padStart(5)} × ${name}`).join('\n')}`);
  say(
    `\n${counted(served, 'value')} served, ${counted(samples, 'sample')} published, ${counted(rows, 'row')}; ${counted(audit.batches, 'batch', 'batches')} of ${counted(audit.streams, 'stream')}`,
  );
  say(`${audit.duplicate} samples came again and were dropped; ${poison} records poisoned`);
  if (findings.length === 0) say('Nothing missing, nothing doubled; the balance closes.');
  else for (const finding of findings) say(`WRONG: ${finding}`);
}

await runProgram(async (signal) => {
  const { help, ...chosen } = options();
  if (help) {
    say(usage);
    return;
  }
  for (const { name, skipReason } of [kafka, mosquitto, ...(chosen.timescale ? [timescale] : [])])
    if (skipReason !== null) throw new FieldlineError('settings/invalid', `${name}: ${skipReason}`);
  say(`seed ${chosen.seed}`);
  const logFolder = join(import.meta.dirname, '../../.fieldline/fault', `seed-${chosen.seed}`);
  const report = await runCloudFaults({ ...chosen, logFolder, signal, say });
  print(report);
  if (report.findings.length > 0) {
    say(
      `To see it again: npm run fault:cloud -- --seed ${chosen.seed} --rounds ${chosen.rounds} --gateways ${chosen.gateways}${chosen.timescale ? '' : ' --plain'}`,
    );
    say(`The logs of all programs: ${logFolder}`);
    process.exitCode = 1;
  }
});
