/**
 * Memory of the agent, and the time until it reads: as images and packages run it (emitted JavaScript) and as `npm start` does
 * (TypeScript, un-built). Devices are simulated in this process, and so is the broker; PUBACK confirms.
 *
 * The compile cache is filled by a start that is not counted: a gateway starts its agent many times and installs it once.
 */
import { join } from 'node:path';
import {
  type EdgeConfig,
  edgeSchema,
  loadConfig,
  loadEdgeConfig,
  type Plant,
  plantSchema,
} from '@fieldline/shared/config';
import { pause, systemClock } from '@fieldline/shared/runtime';
import { startAedes } from '@fieldline/shared/testing/aedes';
import { makeFleet, type RunningPlant, startPlant } from '@fieldline/simulators';
import { profilesFolder } from '../../edge-agent/src/profiles-folder.ts';
import { edgeSettings, plantSettings } from '../demo/settings.ts';
import { type AgentForm, startAgentProcess } from './agent-process.ts';
import type { Benchmark, BenchmarkContext, Figure } from './benchmark.ts';
import { emit } from './emitted.ts';
import { type Usage, usageOf } from './machine.ts';
import { median } from './statistics.ts';

const mostModbusMegabytes = 100;
const mostPlantMegabytes = 200;
const mostToFirstPollMs = 1_000;
const firstPollWithinMs = 30_000;

type Scenario = {
  readonly name: string;
  readonly plant: Plant;
  /** Paths in the plant begin here. */
  readonly folder: string;
  readonly config: (running: RunningPlant, broker: string) => EdgeConfig;
  readonly mostMegabytes?: number;
};

async function run(context: BenchmarkContext): Promise<Figure[]> {
  const { root, folder } = context;
  const emitted = join(folder, 'emitted');
  await emit(root, emitted);
  const forms: AgentForm[] = [
    { name: 'emitted', program: join(emitted, 'edge-agent/src/main.js'), cache: join(folder, 'cache-emitted') },
    { name: 'un-built', program: join(root, 'edge-agent/src/main.ts'), cache: join(folder, 'cache-source') },
  ];
  const broker = await startAedes();
  const figures: Figure[] = [];
  try {
    for (const scenario of scenarios(root)) figures.push(...(await measure(context, scenario, forms, broker.url)));
  } finally {
    await broker.close();
  }
  return figures;
}

function scenarios(root: string): Scenario[] {
  const folder = join(root, 'deploy/examples/pumping-station');
  const edge = loadEdgeConfig(join(folder, 'edge.yaml'), profilesFolder);
  const plant = loadConfig(plantSchema, join(folder, 'plant.yaml'));
  const fleet = makeFleet({
    modbusDevices: 100,
    registersPerDevice: 100,
    opcuaNodes: 0,
    everyMs: 1_000,
    modbusServers: 100,
  });
  const station: Scenario['config'] = ({ servers }, broker) => {
    const ports = new Map(
      plant.servers.map((server, index) => ['port' in server ? server.port : 0, servers[index]?.port ?? 0]),
    );
    const at = {
      at: ({ host, port }: { host: string; port: number }) => ({ host, port: ports.get(port) ?? port }),
      httpPort: 0,
      journal: 'journal',
    };
    return edgeSchema.parse(edgeSettings(edge, { broker, confirm: 'broker' }, at));
  };
  const modbusOf = (config: EdgeConfig): EdgeConfig => ({
    ...config,
    devices: config.devices.filter(({ protocol }) => protocol === 'modbus'),
  });
  return [
    {
      name: "the demonstration's Modbus devices",
      plant,
      folder,
      config: (running, broker) => modbusOf(station(running, broker)),
      mostMegabytes: mostModbusMegabytes,
    },
    { name: 'the whole demonstration plant', plant, folder, config: station, mostMegabytes: mostPlantMegabytes },
    {
      name: '100 Modbus devices × 100 registers, 1 s',
      plant: fleet.plant,
      folder,
      config: ({ servers }, broker) =>
        edgeSchema.parse({ gateway: 'fleet', uplink: { broker, confirm: 'broker' }, devices: fleet.devices(servers) }),
    },
  ];
}

async function measure(
  context: BenchmarkContext,
  scenario: Scenario,
  forms: readonly AgentForm[],
  broker: string,
): Promise<Figure[]> {
  const { short, say } = context;
  let polled = (): void => {};
  const modbus = new Set(
    scenario.plant.servers.flatMap((server) => ('units' in server ? server.units.map(({ name }) => name) : [])),
  );
  const running = await startPlant(
    plantSettings(scenario.plant, ({ host }) => ({ host, port: 0 })),
    { baseFolder: scenario.folder, onServed: (served) => served.some(({ device }) => modbus.has(device)) && polled() },
  );
  const config = scenario.config(running, broker);
  const start = (form: AgentForm, name: string) =>
    startAgentProcess(form, { ...config, gateway: name }, join(context.folder, `agent-${name}`));

  const untilFirstPoll = async (form: AgentForm): Promise<number> => {
    const first = Promise.withResolvers<number>();
    polled = () => first.resolve(systemClock.now());
    const late = setTimeout(
      () => first.reject(new Error(`no Modbus request within ${firstPollWithinMs} ms`)),
      firstPollWithinMs,
    );
    const agent = await start(form, `start-${form.name}`);
    try {
      return ((await first.promise) - agent.spawnedAt) / 1_000;
    } finally {
      clearTimeout(late);
      await agent.stop();
    }
  };

  try {
    const firstPolls = forms.map((): number[] => []);
    // The first fills the compile cache.
    for (const form of forms) await untilFirstPoll(form);
    for (let round = 0; round < (short ? 1 : 5); round++) {
      for (const [index, form] of forms.entries()) firstPolls[index]?.push(await untilFirstPoll(form));
    }
    const agents = await Promise.all(forms.map((form) => start(form, form.name)));
    await pause(short ? 8_000 : 30_000, context.signal);
    const usages = agents.map(({ pid }) => usageOf(pid));
    await Promise.all(agents.map(({ stop }) => stop()));
    say(`${scenario.name}: measured`);
    return forms.flatMap((form, index) => figuresOf(scenario, form, usages[index], firstPolls[index] ?? []));
  } finally {
    await running.close();
  }
}

function figuresOf(
  scenario: Scenario,
  form: AgentForm,
  usage: Usage | undefined,
  firstPolls: readonly number[],
): Figure[] {
  if (usage === undefined || usage.residentBytes === 0) throw new Error(`the agent did not stay up: ${form.name}`);
  const { mostMegabytes } = scenario;
  return [
    {
      name: `${scenario.name}, ${form.name}: resident`,
      value: usage.residentBytes / 1e6,
      unit: 'MB',
      ...(mostMegabytes === undefined ? {} : { target: { atMost: mostMegabytes } }),
      note: `${Math.round(usage.privateBytes / 1e6)} MB of it our own, the rest is Node's program file`,
    },
    {
      name: '… start to first Modbus request',
      value: median(firstPolls),
      unit: 'ms',
      ...(mostMegabytes === undefined ? {} : { target: { atMost: mostToFirstPollMs } }),
      note: `median of ${firstPolls.length}`,
    },
  ];
}

export const agent: Benchmark = { name: 'agent', what: 'memory of the agent, and the time until it reads', run };
