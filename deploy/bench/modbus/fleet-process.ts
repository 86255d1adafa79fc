/** The devices, in a process of their own: what they take is not the agent's. Tells its parent who was asked, when, and for what. */

import { makeFleet, startPlant } from '@fieldline/simulators';
import { plantSettings } from '../../demo/settings.ts';
import type { FleetAnswer, FleetOrder, FleetRequest } from './fleet.ts';

const answer = (message: FleetAnswer): void => void process.send?.(message);

let requests: FleetRequest[] = [];
const fleet = makeFleet(JSON.parse(process.argv[2] ?? ''));
const plant = await startPlant(
  plantSettings(fleet.plant, ({ host }) => ({ host, port: 0 })),
  {
    onServed: (served) => {
      const [first] = served;
      if (first === undefined) return;
      if (requests.length === 0) answer({ kind: 'first', time: first.time });
      requests.push([first.device, first.time, served.length]);
    },
  },
);
process.on('message', (order: FleetOrder) => {
  const told = requests;
  requests = [];
  if (order === 'tell') answer({ kind: 'requests', requests: told });
});
process.once('disconnect', () => plant.close());
answer({ kind: 'servers', servers: plant.servers });
