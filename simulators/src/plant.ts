import { resolve } from 'node:path';
import type { Plant, SimulatorServer } from '@fieldline/shared/config';
import { type Clock, Lifecycle, type Log, silentLog, systemClock } from '@fieldline/shared/runtime';
import { startControl } from './control.ts';
import { createFaults, type Faults } from './faults.ts';
import { startModbus } from './modbus/server.ts';
import { startOpcua } from './opcua/server.ts';
import { serverName } from './points.ts';
import type { OnServed } from './served.ts';
import { openServedLog } from './served-log.ts';
import type { ServerAddress, ServerContext, SimulatedServer } from './server.ts';

export type PlantOptions = {
  /** What the paths in the plant are relative to; the default is the working directory. */
  readonly baseFolder?: string | undefined;
  /** Called for every value served, beside the served log. */
  readonly onServed?: OnServed | undefined;
  /** Where OPC UA servers keep their certificates; by default they make new ones and delete them at the end. */
  readonly certificateFolder?: string | undefined;
  readonly log?: Log | undefined;
  readonly clock?: Clock | undefined;
};

export type RunningPlant = {
  /** In the order of the plant file, with the ports that the system chose. */
  readonly servers: readonly ServerAddress[];
  /** null where the plant has none. */
  readonly controlPort: number | null;
  readonly faults: Faults;
  /** Idempotent; the served log is complete afterwards. */
  readonly close: () => Promise<void>;
};

/**
 * Starts every server of a plant, or none.
 * @throws FieldlineError port/in-use, device/unreachable (serial port), settings/invalid, settings/unreadable
 */
export async function startPlant(plant: Plant, options: PlantOptions = {}): Promise<RunningPlant> {
  const { baseFolder = '.', certificateFolder, log = silentLog, clock = systemClock } = options;
  const lifecycle = new Lifecycle();
  try {
    const onServed = openEvidence(plant, options, lifecycle);
    const servers: SimulatedServer[] = [];
    for (const [index, settings] of plant.servers.entries()) {
      const place = { plantSeed: plant.seed, server: serverName(settings, index), baseFolder };
      const server = await startServer(settings, { place, clock, log, onServed, certificateFolder });
      lifecycle.add(server.name, () => server.close());
      servers.push(server);
    }
    const faults = createFaults(servers);
    const control = plant.control === undefined ? null : await startControl(plant.control, faults);
    if (control !== null) lifecycle.add('control', control.close);
    return {
      servers: servers.map((server) => server.address),
      controlPort: control?.port ?? null,
      faults,
      close: () => lifecycle.close(),
    };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

type StartContext = ServerContext & { readonly certificateFolder: string | undefined };

/** A protocol is a folder and a line here; the compiler names the one that is missing. */
function startServer(settings: SimulatorServer, context: StartContext): Promise<SimulatedServer> {
  switch (settings.protocol) {
    case 'opcua':
      return startOpcua(settings, context);
    default:
      return startModbus(settings, context);
  }
}

/** undefined where nobody wants to know: then the servers do not even collect it. */
function openEvidence(
  plant: Plant,
  { baseFolder = '.', onServed }: PlantOptions,
  lifecycle: Lifecycle,
): OnServed | undefined {
  if (plant.servedLog === undefined) return onServed;
  const file = openServedLog(resolve(baseFolder, plant.servedLog));
  lifecycle.add('served log', file.close);
  return (served) => {
    file.write(served);
    onServed?.(served);
  };
}
