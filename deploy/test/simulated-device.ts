import { plantSchema } from '@fieldline/shared/config';
import { startPlant } from '@fieldline/simulators';
import { onTestFinished } from 'vitest';

export type SimulatedDevice = {
  readonly unit?: number;
  readonly protocol?: 'modbus-tcp' | 'modbus-rtu-over-tcp';
  /** 0: as the system gives it. */
  readonly port?: number;
  /** As in the settings of the simulator; a point without a name gets one. */
  readonly points: readonly object[];
};

/** One Modbus device of the simulator, stopped after the test. To faults it is `plc` of the server `bus`. */
export async function startSimulatedDevice({ unit = 1, protocol = 'modbus-tcp', port = 0, points }: SimulatedDevice) {
  const named = points.map((point, index) => ({ name: `point-${index}`, ...point }));
  const servers = [{ protocol, name: 'bus', port, units: [{ name: 'plc', unit, points: named }] }];
  const plant = await startPlant(plantSchema.parse({ plant: 'simulated', servers }));
  onTestFinished(() => plant.close());
  return { plant, port: plant.servers[0]?.port ?? 0 };
}

/** Each register is a point of its own, so that the simulator has nothing to encode but the word. */
export const registersFrom = (address: number, words: readonly number[], table: string = 'holding'): object[] =>
  words.map((value, index) => ({ table, address: address + index, signal: { kind: 'constant', value } }));
