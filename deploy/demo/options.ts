import { parseArgs } from 'node:util';
import { FieldlineError } from '@fieldline/shared/contracts';

export type DemoOptions = {
  /** undefined: until Ctrl-C. */
  readonly forMs: number | undefined;
  /** undefined: the embedded part. */
  readonly broker: string | undefined;
  readonly kafka: readonly string[] | undefined;
  readonly database: string | undefined;
  readonly dataFolder: string;
  readonly port: number;
  readonly plant: string;
};

export const usage = `npm start -- [options]

  --for 60s          run this long (ms, s, m, h), then stop in order, count, and exit 0 only if the balance closes
  --broker URL       a real MQTT broker, e.g. mqtt://user:password@127.0.0.1:1883, in the place of the embedded one
  --kafka HOSTS      real Kafka, e.g. 127.0.0.1:9092, in the place of the embedded log
  --database URL     a real PostgreSQL or TimescaleDB, e.g. postgres://user:password@127.0.0.1:5432/fieldline
  --data FOLDER      where everything is kept (default .fieldline)
  --plant FOLDER     an example with plant.yaml and edge.yaml (default deploy/examples/pumping-station)
  --port NUMBER      of the page (default 8080)
`;

/** @throws FieldlineError arguments/invalid */
export function parseOptions(args: readonly string[], defaults: { dataFolder: string; plant: string }): DemoOptions {
  const values = parse(args);
  return {
    forMs: values.for === undefined ? undefined : durationOf(values.for),
    broker: values.broker === undefined ? undefined : urlOf('--broker', values.broker, ['mqtt', 'mqtts', 'ws', 'wss']),
    kafka: values.kafka === undefined ? undefined : hostsOf(values.kafka),
    database:
      values.database === undefined ? undefined : urlOf('--database', values.database, ['postgres', 'postgresql']),
    dataFolder: values.data ?? defaults.dataFolder,
    port: values.port === undefined ? 8080 : portOf(values.port),
    plant: values.plant ?? defaults.plant,
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: { for: text, broker: text, kafka: text, database: text, data: text, plant: text, port: text },
    }).values;
  } catch (error) {
    throw wrong(`${(error as Error).message}\n\n${usage}`);
  }
}

const wrong = (message: string): FieldlineError => new FieldlineError('arguments/invalid', message);

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const isUnit = (text: string | undefined): text is keyof typeof unitMs => text !== undefined && text in unitMs;

function durationOf(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(text) ?? [];
  const ms = isUnit(unit) ? Number(number) * unitMs[unit] : 0;
  if (ms < 1_000) throw wrong(`--for ${text}: give a number and ms, s, m or h, at least one second, e.g. --for 60s`);
  return ms;
}

function urlOf(option: string, text: string, protocols: readonly string[]): string {
  if (
    !URL.canParse(text) ||
    !protocols.includes(new URL(text).protocol.slice(0, -1)) ||
    new URL(text).hostname === ''
  ) {
    throw wrong(`${option} ${text}: give an address such as ${protocols[0]}://user:password@127.0.0.1`);
  }
  return text;
}

function hostsOf(text: string): string[] {
  const hosts = text.split(',');
  const bad = hosts.find((host) => !/^[^:/\s]+:\d+$/.test(host));
  if (bad !== undefined) throw wrong(`--kafka ${text}: ${JSON.stringify(bad)} is not host:port, e.g. 127.0.0.1:9092`);
  return hosts;
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw wrong(`--port ${text}: give a number up to 65535`);
  return port;
}
