import type { ServerOf } from '@fieldline/shared/config';
import { FieldlineError } from '@fieldline/shared/contracts';
import type { OPCUAServer, StatusCode, UAVariable } from 'node-opcua';
import { onGrid } from '../grid.ts';
import type { NodePoint } from '../points.ts';
import type { Served } from '../served.ts';
import type { ServerContext } from '../server.ts';
import { dataTypeOf, variantOf } from './values.ts';

type Library = typeof import('node-opcua');

export type ServedNodes = {
  /** Sets a node anew at the last instant of its grid, after a fault has come or gone. */
  readonly refresh: (node: string) => void;
  readonly stop: () => void;
};

type Node = { readonly point: NodePoint; readonly variable: UAVariable };

/**
 * Puts the nodes into Objects/<server name>, sets each at once to its value at the last instant of its grid, and from then
 * on at every instant t = k × everyMs, with exactly t as its source time.
 */
export function addNodes(
  opcua: Library,
  server: OPCUAServer,
  context: ServerContext & {
    readonly settings: ServerOf<'opcua'>;
    readonly points: readonly NodePoint[];
    /** By name of the node: the status that it has in place of a value. */
    readonly badNodes: ReadonlyMap<string, StatusCode>;
  },
): ServedNodes {
  const { settings, points, badNodes, clock, onServed } = context;
  const nodes = buildNodes(server, settings, points);
  const set = (wanted: readonly Node[], timeMs: number): void => {
    const served: Served[] = [];
    const sourceTime = new Date(timeMs);
    for (const { point, variable } of wanted) {
      const status = badNodes.get(point.name);
      if (status !== undefined) {
        variable.setValueFromSource({ dataType: opcua.DataType.Null }, status, sourceTime);
        continue;
      }
      const value = point.valueAt(timeMs);
      variable.setValueFromSource(variantOf(opcua, point.type, value), opcua.StatusCodes.Good, sourceTime);
      served.push({ time: timeMs * 1_000, device: point.device, point: point.name, value });
    }
    if (served.length > 0) onServed?.(served);
  };
  const lastInstant = (everyMs: number): number => Math.floor(clock.now() / 1_000 / everyMs) * everyMs;
  const groups = [...Map.groupBy(nodes, ({ point }) => point.settings.everyMs)];
  for (const [everyMs, group] of groups) set(group, lastInstant(everyMs));
  const grids = groups.map(([everyMs, group]) => onGrid(everyMs, clock, (timeMs) => set(group, timeMs)));
  return {
    refresh: (name) => {
      const node = nodes.find(({ point }) => point.name === name);
      if (node !== undefined) set([node], lastInstant(node.point.settings.everyMs));
    },
    stop: () => {
      for (const grid of grids) grid.stop();
    },
  };
}

function buildNodes(server: OPCUAServer, settings: ServerOf<'opcua'>, points: readonly NodePoint[]): Node[] {
  const addressSpace = server.engine.addressSpace;
  if (addressSpace === null) throw new Error('the server has no address space: it was not initialized');
  const namespace = addressSpace.registerNamespace(settings.namespace);
  const folder = namespace.addFolder('ObjectsFolder', { browseName: settings.name });
  return points.map((point) => ({
    point,
    variable: namespace.addVariable({
      componentOf: folder,
      browseName: point.name,
      nodeId: point.settings.node ?? `s=${point.name}`,
      dataType: dataTypeOf(point.type),
      accessLevel: 'CurrentRead',
      userAccessLevel: 'CurrentRead',
      // Lets a client ask for every change (sampling interval 0), not only for samples of them.
      minimumSamplingInterval: 0,
    }),
  }));
}

/** @throws FieldlineError settings/invalid */
export function statusNamed(opcua: Library, name: string): StatusCode {
  const known: Readonly<Record<string, unknown>> = { ...opcua.StatusCodes };
  const status = known[name];
  if (status instanceof opcua.StatusCode) return status;
  throw new FieldlineError('settings/invalid', `${name} is no OPC UA status code; one is BadSensorFailure`);
}
