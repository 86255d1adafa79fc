/** The servers, in a process of their own: what they take is not the agent's. */
import { join } from 'node:path';
import { loadConfig, plantSchema } from '@fieldline/shared/config';
import { startPlant } from '@fieldline/simulators';

const [folder = ''] = process.argv.slice(2);
const plant = await startPlant(loadConfig(plantSchema, join(folder, 'plant.json')), {
  baseFolder: folder,
  certificateFolder: join(folder, 'certificates'),
});
process.once('disconnect', () => plant.close());
process.send?.('ready');
