/** `npm run fault:cloud`: see `usage`. */
import { counted } from '@fieldline/shared/runtime';
import { kafka } from '@fieldline/shared/testing/kafka';
import { mosquitto } from '@fieldline/shared/testing/mosquitto';
import { timescale } from '@fieldline/shared/testing/timescale';
import { runFaultCommand } from '../command.ts';
import { runCloudFaults } from './run.ts';

const usage = `npm run fault:cloud -- [--seed N] [--rounds N] [--gateways N] [--plain]

Real agents feed a real Mosquitto, Kafka and TimescaleDB; bridge, processors and servers are killed at random, partitions are
added, records doubled and poisoned. Then every value served and every sample published is looked for in the rows.

  --seed N      repeats the choices of a run; by default a new one, which is printed
  --rounds N    faults that strike (100)
  --gateways N  agents that feed the line (3)
  --plain       plain PostgreSQL instead of TimescaleDB
Exit code 0 only if each sample is there once and the balance closes.
`;

await runFaultCommand({
  name: 'cloud',
  usage,
  defaults: { rounds: 100, gateways: 3 },
  flags: ['plain'],
  needs: ({ flags }) => [kafka, mosquitto, ...(flags.has('plain') ? [] : [timescale])],
  run: async ({ seed, rounds, gateways, flags }, run) => {
    const report = await runCloudFaults({ seed, rounds, gateways, timescale: !flags.has('plain'), ...run });
    const { served, samples, rows, audit, poison } = report;
    const counts = [
      `${counted(served, 'value')} served, ${counted(samples, 'sample')} published, ${counted(rows, 'row')}; ${counted(audit.batches, 'batch', 'batches')} of ${counted(audit.streams, 'stream')}`,
      `${audit.duplicate} samples came again and were dropped; ${poison} records poisoned`,
    ];
    return { ...report, counts };
  },
});
