import { type FlightRecorderSettings, flightRecorderSchema } from '@fieldline/shared/config/flight-recorder';
import type { ModbusDevice } from '@fieldline/shared/config/modbus';
import { type ModbusLink, modbusLinkName } from '@fieldline/shared/config/modbus-link';
import type { Log } from '@fieldline/shared/runtime';
import type { DeviceStatus, Driver, DriverContext, PollRequest } from '../driver.ts';
import { DialIns } from './channels/dial-in.ts';
import { openChannel } from './channels/open-channel.ts';
import { DeviceReading } from './device-reading.ts';
import { Learned } from './learned.ts';
import { LearnedKeeper } from './learned-keeper.ts';
import { LineWatch } from './line-watch.ts';
import { Link } from './link.ts';
import { createModbusMetrics } from './metrics.ts';
import { FlightRecorder } from './recorder/flight-recorder.ts';
import { createWriter } from './writer.ts';

export function createModbusDriver(
  devices: readonly ModbusDevice[],
  context: DriverContext,
  recording: FlightRecorderSettings = flightRecorderSchema.parse({}),
  learnedFile: string | null = null,
): Driver {
  const { clock, log } = context;
  const metrics = createModbusMetrics(context.metrics);
  const dialIns = new DialIns(log, () => metrics.strangers.inc());
  const recorder = new FlightRecorder(recording, { ...context, metrics }, linksOf(devices));
  const learned = readLearned(learnedFile, log);
  const links = new Map<string, Link>();
  const closing = new AbortController();

  const readings = devices.map((device) => {
    const name = modbusLinkName(device.link);
    const link = links.get(name) ?? new Link(device.link, { ...context, metrics, dialIns, openChannel, recorder });
    links.set(name, link);
    link.expect(device.unit, device.answersAs ?? null, learned.answerMsOf(name, device.unit));
    return new DeviceReading(device, link, clock, log, (key) => learned.refusalsOf(key, clock.now()));
  });
  const targets = readings.flatMap((reading) => reading.targets);
  let replanned: (link: string, requests: readonly PollRequest[]) => void = () => {};
  const watch = new LineWatch(readings, {
    log,
    metrics,
    replanned: (link, requests) => replanned(link, requests),
  });
  const keeper = new LearnedKeeper(readings, watch, { clock, log, metrics, learned, file: learnedFile });

  return {
    tags: readings.flatMap(({ tags }) => tags),
    requests: readings.flatMap(({ requests }) => requests),
    ...(targets.length === 0 ? {} : { writer: createWriter(targets, closing.signal) }),
    onReplanned: (tell) => {
      replanned = tell;
    },
    start: () => {
      for (const link of links.values()) link.start();
      watch.start();
      keeper.start();
    },
    downloads: [
      {
        path: '/modbus.pcapng',
        type: 'application/x-pcapng',
        content: (query) => recorder.recordings(query.get('link')),
      },
    ],
    status: () => readings.map((reading) => statusOf(reading, watch)),
    note: () => watch.note(),
    close: async () => {
      closing.abort();
      await Promise.all([...links.values()].map((link) => link.close()));
      await dialIns.close();
      await recorder.close();
      watch.close();
      await keeper.close();
    },
  };
}

function readLearned(file: string | null, log: Log): Learned {
  if (file === null) return new Learned();
  try {
    return Learned.read(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn({ file, reason }, 'what was learned of devices cannot be read: it is learned again');
    return new Learned();
  }
}

const linksOf = (devices: readonly ModbusDevice[]): ModbusLink[] => [
  ...new Map(devices.map(({ link }) => [modbusLinkName(link), link])).values(),
];

function statusOf({ device: { device, unit }, link, trouble }: DeviceReading, watch: LineWatch): DeviceStatus {
  const { state, disconnectedBecause } = link;
  if (state !== 'connected') return { device, state, trouble: disconnectedBecause ?? `connecting to ${link.name}` };
  const because = link.givenUpBecause(unit);
  if (because !== null) {
    const what = because === 'timeout' ? 'does not answer' : 'sends nothing that is an answer';
    return { device, state: 'troubled', trouble: `unit ${unit} ${what} on ${link.name}` };
  }
  if (!trouble.isDeviceThere) return { device, state: 'troubled', trouble: trouble.text };
  const { backupInUse } = link;
  const onBackup =
    backupInUse === null ? null : `reached by its backup address ${backupInUse.host}:${backupInUse.port}`;
  const all = [trouble.text, link.oddity, onBackup ?? watch.overloadOf(link.name)].filter((one) => one !== null);
  return { device, state, trouble: all.length === 0 ? null : all.join('; ') };
}
