/** One real Apache Kafka in KRaft mode: controller and broker in one process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Requirement } from './describe-with.ts';
import { findProgram } from './find-program.ts';
import { freePort } from './free-port.ts';
import { reapServer } from './reaper.ts';
import { askForServer } from './shared-servers.ts';
import { temporaryFolder } from './temporary-folder.ts';

export type OwnKafka = {
  /** host:port */
  readonly broker: string;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly kill: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export type KafkaListener = {
  /** In the settings of the broker: capitals. */
  readonly name: string;
  readonly protocol: 'PLAINTEXT' | 'SASL_SSL';
  readonly port: number;
  /** Where clients are told to come instead, e.g. to a proxy. */
  readonly advertisedPort?: number;
};

export type KafkaOptions = {
  /** Besides the plain one, which `broker` names. */
  readonly listeners?: readonly KafkaListener[];
  /** Lines of server.properties, after ours. */
  readonly conf?: readonly string[];
  /** Users, as kafka-storage makes them: SCRAM-SHA-256=[name=…,password=…]. */
  readonly scram?: readonly string[];
  /** For the Java of the broker; by default the classes that kafka-classes.ts has kept. */
  readonly java?: readonly string[];
};

const startTimeoutMs = 60_000;

const jarFolder = (): string =>
  process.env.FIELDLINE_TEST_KAFKA_JARS ?? fileURLToPath(new URL('../../../.fieldline/kafka', import.meta.url));

/** The classes that a broker loads, as Java keeps them: see kafka-classes.ts. Beside the jars that they are from. */
export const classArchive = (): string => join(jarFolder(), 'classes.jsa');

const keptClasses = (): readonly string[] =>
  existsSync(classArchive()) ? [`-XX:SharedArchiveFile=${classArchive()}`] : [];

/** FIELDLINE_TEST_KAFKA=host:port names a Kafka that runs already. */
export const kafka: Requirement & { readonly brokers: () => Promise<string[]> } = {
  name: 'kafka',
  get skipReason() {
    if (process.env.FIELDLINE_TEST_KAFKA !== undefined) return null;
    if (findProgram('java') === null) return 'no java on the PATH: install Java 17';
    const folder = jarFolder();
    const present = existsSync(folder) && readdirSync(folder).some((file) => /^kafka_2\.\d+-.*\.jar$/.test(file));
    return present ? null : `no Kafka in ${folder}: deploy/ci/kafka.sh brings it`;
  },
  brokers: async () => [process.env.FIELDLINE_TEST_KAFKA ?? (await askForServer('kafka'))],
};

/** A Kafka that the test may stop. Port and data stay the same until `close`. */
export async function startKafka(options: KafkaOptions = {}): Promise<OwnKafka> {
  const folder = temporaryFolder();
  const [port, controllerPort] = [await freePort(), await freePort()];
  const settings = join(folder, 'server.properties');
  writeFileSync(settings, properties(join(folder, 'log'), port, controllerPort, options));
  await format(settings, options.scram ?? []);
  let server: ChildProcess | undefined;

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = server;
    server = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const closed = once(ending, 'close');
    ending.kill(signal);
    await closed;
  }

  const start = async (): Promise<void> => {
    server = runJava('kafka.Kafka', [settings], options.java);
    await printed(server, 'Kafka Server started');
  };
  await start();
  return {
    broker: `127.0.0.1:${port}`,
    start,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    close: async () => {
      await end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Named topics only, as production has it: a typing error must not make a topic. */
function properties(
  logFolder: string,
  port: number,
  controllerPort: number,
  { listeners = [], conf = [] }: KafkaOptions,
): string {
  const all: readonly KafkaListener[] = [{ name: 'PLAINTEXT', protocol: 'PLAINTEXT', port }, ...listeners];
  const list = (portOf: (listener: KafkaListener) => number): string =>
    all.map((listener) => `${listener.name}://127.0.0.1:${portOf(listener)}`).join();
  return `
process.roles=broker,controller
node.id=1
listeners=${list((listener) => listener.port)},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=${list((listener) => listener.advertisedPort ?? listener.port)}
listener.security.protocol.map=${all.map(({ name, protocol }) => `${name}:${protocol}`).join()},CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}
log.dirs=${logFolder}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
${conf.join('\n')}
`;
}

async function format(settings: string, scram: readonly string[]): Promise<void> {
  // A cluster id is 16 bytes in URL-safe base64; one that begins with a hyphen would be read as a flag.
  const id = `A${randomBytes(16).toString('base64url').slice(1)}`;
  const java = runJava('kafka.tools.StorageTool', [
    ...['format', '--standalone', '-t', id, '-c', settings],
    ...scram.flatMap((user) => ['--add-scram', user]),
  ]);
  const said = collect(java);
  const [code] = await once(java, 'close');
  if (code !== 0) throw new Error(`Kafka's storage could not be formatted: ${said()}`);
}

function runJava(mainClass: string, args: readonly string[], options = keptClasses()): ChildProcess {
  const heap = ['-Xmx512m', '-Xms128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  const child = spawn('java', [...heap, ...options, '-cp', join(jarFolder(), '*'), mainClass, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  reapServer(child);
  return child;
}

function collect(child: ChildProcess): () => string {
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-8_000);
    });
  }
  return () => tail;
}

function printed(child: ChildProcess, text: string): Promise<void> {
  const said = collect(child);
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => child.kill('SIGKILL'), startTimeoutMs);
    const look = (): void => {
      if (!said().includes(text)) return;
      clearTimeout(late);
      child.stdout?.off('data', look);
      child.stderr?.off('data', look);
      resolve();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(late);
      reject(new Error(`Kafka did not start: ${said()}`));
    });
  });
}
