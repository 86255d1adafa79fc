/**
 * A plant that counts milliseconds: no point ever has the same value twice. So each value that was served has its own row,
 * whatever the clock of the agent says, and a value that is there twice was stored twice.
 */
import { type Device, deviceSchema, type Plant, plantSchema } from '@fieldline/shared/config';
import type { ServerAddress } from '@fieldline/simulators';

export const everyMs = 250;
export const opcuaDevice = 'line';
const namespace = 'urn:fieldline:fault-edge';

const counter = (start: string | number) => ({ kind: 'counter', start, perStep: 1, stepMs: 1 });

/** More than a small journal has room for: its samples may be thinned. */
const thinned = { name: 'drive', everyMs: 100, thinToMs: 1_000, points: 60 };

const fewUnits = [
  {
    name: 'plc',
    unit: 1,
    points: [
      { name: 'int64', address: 0, type: 'int64', signal: counter('-9007199254740993000') },
      { name: 'uint64', address: 4, type: 'uint64', byteOrder: 'DCBA', signal: counter('18446744000000000000') },
      { name: 'float64', address: 100, type: 'float64', byteOrder: 'CDAB', signal: counter(0) },
      { name: 'uint32', address: 104, type: 'uint32', signal: counter(0) },
    ],
  },
  {
    name: 'meter',
    unit: 2,
    points: [{ name: 'energy', table: 'input', address: 0, type: 'int64', signal: counter(0) }],
  },
];

const manyUnits = [
  ...fewUnits,
  {
    name: thinned.name,
    unit: 3,
    points: Array.from({ length: thinned.points }, (_, index) => ({
      name: `count-${index}`,
      address: index * 4,
      type: 'int64',
      signal: counter('-9007199254740993000'),
    })),
  },
];

/** Of another class than the rest, so that each agent writes two streams. */
const alarmTag = 'uint32';

const nodes = [
  { name: 'count', type: 'int64', signal: counter('-9007199254740993000') },
  { name: 'level', type: 'float64', signal: counter(0) },
].map((node) => ({ ...node, everyMs }));

/** What it has beside a few Modbus points. */
export type More = { readonly withOpcua: boolean; readonly withMany: boolean };

const unitsOf = ({ withMany }: Pick<More, 'withMany'>) => (withMany ? manyUnits : fewUnits);

export const countingPlant = (more: More): Plant =>
  plantSchema.parse({
    plant: 'fault-edge',
    seed: 1,
    servers: [
      { protocol: 'modbus-tcp', name: 'modbus', port: 0, units: unitsOf(more) },
      ...(more.withOpcua ? [{ protocol: 'opcua', name: opcuaDevice, port: 0, namespace, nodes }] : []),
    ],
  });

export const devicesOf = (servers: readonly ServerAddress[], more: Pick<More, 'withMany'>): Device[] =>
  servers
    .flatMap(({ protocol, host, port, url }): object[] => {
      if (protocol !== 'opcua') {
        return unitsOf(more).map(({ name, unit, points }) => ({
          device: name,
          protocol: 'modbus',
          link: { kind: 'tcp', host, port },
          unit,
          everyMs,
          ...(name === thinned.name ? { everyMs: thinned.everyMs, thinToMs: thinned.thinToMs } : {}),
          tags: points.map(({ name: tag, signal: _, ...register }) => ({
            tag,
            ...register,
            ...(tag === alarmTag ? { class: 'alarm' } : {}),
          })),
        }));
      }
      const tags = nodes.map(({ name, type }) => ({ tag: name, node: `nsu=${namespace};s=${name}`, type }));
      const security = { policy: 'None', mode: 'None' };
      const pace = { publishingMs: 100, samplingMs: 100 };
      return [{ device: opcuaDevice, protocol: 'opcua', endpoint: url, security, ...pace, tags }];
    })
    .map((device) => deviceSchema.parse(device));
