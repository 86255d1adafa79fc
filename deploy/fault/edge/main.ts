/** `npm run fault:edge`: see `usage`. */
import { counted } from '@fieldline/shared/runtime';
import { mosquitto } from '@fieldline/shared/testing/mosquitto';
import { runFaultCommand } from '../command.ts';
import { runEdgeFaults } from './run.ts';

const usage = `npm run fault:edge -- [--seed N] [--rounds N] [--gateways N] [--no-copies]

Real agents read real Modbus and OPC UA servers. Agents are killed at random, links are cut, flap and fall silent, the broker
loses its state, disks are full or read-only, clocks are set; one journal is
full, and thinned. Then every value served is looked for in the rows and in what
was declared as lost; the balance and the files of the journals are checked. At the end a card is cloned, an image put back,
and one gateway id is used twice: each must be noticed.

  --seed N      repeats the choices of a run; by default a new one, which is printed
  --rounds N    faults that strike (1000)
  --gateways N  sites with an agent each (4)
  --no-copies   leaves out what happens at the end
Exit code 0 only if each value is there once or declared, and the balance closes.
`;

await runFaultCommand({
  name: 'edge',
  usage,
  defaults: { rounds: 1_000, gateways: 4 },
  flags: ['no-copies'],
  needs: () => [mosquitto],
  run: async ({ seed, rounds, gateways, flags }, run) => {
    const report = await runEdgeFaults({ seed, rounds, gateways, copies: !flags.has('no-copies'), ...run });
    const { served, rows, declared, clockSet, atEnds, shifted, goneWithMemory, files, thinned, audit } = report;
    const counts = [
      `${counted(served, 'value')} served, ${counted(rows, 'row')}; ${counted(audit.batches, 'batch', 'batches')} of ${counted(audit.streams, 'stream')}`,
      `not stored: ${declared} declared (${thinned} taken out of a full journal), ${atEnds} served less than a second before an agent was ended, ${clockSet} before a kill on a clock that was set, and declared for another time`,
      `${audit.duplicate} samples came again and were dropped; ${counted(goneWithMemory, 'batch', 'batches')} in memory alone at a kill, with their time declared`,
      `${counted(shifted, 'row')} stamped by a clock that was set; ${counted(files, 'file')} of journals checked`,
    ];
    return { ...report, counts };
  },
});
