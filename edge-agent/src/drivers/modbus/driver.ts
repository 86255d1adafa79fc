import { type FlightRecorderSettings, flightRecorderSchema } from '@fieldline/shared/config/flight-recorder';
import type { ModbusDevice } from '@fieldline/shared/config/modbus';
import { type ModbusLink, modbusLinkName } from '@fieldline/shared/config/modbus-link';
import type { Tag } from '@fieldline/shared/contracts';
import type { DeviceStatus, Driver, DriverContext, PollRequest } from '../driver.ts';
import { BlockReader, type Item } from './block-reader.ts';
import type { Block } from './blocks.ts';
import { DialIns } from './channels/dial-in.ts';
import { openChannel } from './channels/open-channel.ts';
import { createDecode, valueTypeOf } from './decode.ts';
import { Link } from './link.ts';
import { createModbusMetrics } from './metrics.ts';
import { type Point, planDevice, requestText } from './plan.ts';
import { FlightRecorder } from './recorder/flight-recorder.ts';
import { createWriter, type Target } from './writer.ts';

/** One device: who asks for it, and what of it cannot be read. */
type DeviceReaders = { readonly device: ModbusDevice; readonly link: Link; readonly readers: BlockReader[] };

export function createModbusDriver(
  devices: readonly ModbusDevice[],
  context: DriverContext,
  recording: FlightRecorderSettings = flightRecorderSchema.parse({}),
): Driver {
  const metrics = createModbusMetrics(context.metrics);
  const dialIns = new DialIns(context.log, () => metrics.strangers.inc());
  const recorder = new FlightRecorder(recording, { ...context, metrics }, linksOf(devices));
  const links = new Map<string, Link>();
  const tags: Tag[] = [];
  const requests: PollRequest[] = [];
  const read: DeviceReaders[] = [];
  const targets: Target[] = [];
  const closing = new AbortController();

  for (const device of devices) {
    const name = modbusLinkName(device.link);
    const link = links.get(name) ?? new Link(device.link, { ...context, metrics, dialIns, openChannel, recorder });
    links.set(name, link);
    link.expect(device.unit, device.answersAs ?? null);
    const log = context.log.child({ device: device.device });
    const readers: BlockReader[] = [];
    read.push({ device, link, readers });
    for (const plan of planDevice(device)) {
      const { table, everyMs, limits, exchange, blocks } = plan;
      const { unit, timeoutMs, timeToleranceMs } = device;
      const source = { link, unit, table, timeoutMs, everyMs, timeToleranceMs, limits, exchange };
      for (const block of blocks) {
        const items = itemsOf(device, block);
        const reader = new BlockReader(source, items, context.clock, log);
        readers.push(reader);
        tags.push(...items.map(({ tag }) => tag));
        targets.push(...targetsOf(device, link, block, items));
        requests.push({
          link: name,
          name: `${device.device} ${requestText(plan, block, device.addressBase)}`,
          everyMs,
          read: (signal) => reader.read(signal),
        });
      }
    }
  }

  return {
    tags,
    requests,
    ...(targets.length === 0 ? {} : { writer: createWriter(targets, closing.signal) }),
    start: () => {
      for (const link of links.values()) link.start();
    },
    downloads: [
      {
        path: '/modbus.pcapng',
        type: 'application/x-pcapng',
        content: (query) => recorder.recordings(query.get('link')),
      },
    ],
    status: () => read.map(statusOf),
    close: async () => {
      closing.abort();
      await Promise.all([...links.values()].map((link) => link.close()));
      await dialIns.close();
      await recorder.close();
    },
  };
}

const linksOf = (devices: readonly ModbusDevice[]): ModbusLink[] => [
  ...new Map(devices.map(({ link }) => [modbusLinkName(link), link])).values(),
];

const itemsOf = (device: ModbusDevice, block: Block<Point>): Item[] =>
  block.points.map((point) => {
    const { first, count, setting } = point;
    const tag: Tag = { device: device.device, tag: setting.tag, type: valueTypeOf(setting) };
    return { first, count, tag, decode: createDecode(setting, tag, device.byteOrder, point) };
  });

const targetsOf = (device: ModbusDevice, link: Link, block: Block<Point>, items: readonly Item[]): Target[] =>
  block.points.flatMap((point, index) => {
    const item = items[index];
    return item === undefined || point.setting.write === undefined ? [] : [{ ...item, device, link, point }];
  });

function statusOf({ device: { device, unit }, link, readers }: DeviceReaders): DeviceStatus {
  const { state, disconnectedBecause } = link;
  if (state !== 'connected') return { device, state, trouble: disconnectedBecause ?? `connecting to ${link.name}` };
  if (link.isSilent(unit))
    return { device, state: 'troubled', trouble: `unit ${unit} does not answer on ${link.name}` };
  const refused = readers.reduce((sum, reader) => sum + reader.refusedTags, 0);
  if (refused > 0)
    return { device, state: 'troubled', trouble: `it refuses ${refused} of its tags: see their quality` };
  const { backupInUse } = link;
  if (backupInUse === null) return { device, state, trouble: null };
  return { device, state, trouble: `reached by its backup address ${backupInUse.host}:${backupInUse.port}` };
}
