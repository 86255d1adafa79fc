/** An agent with its journal, restarted and killed while alarms stand on a server. */
import { join } from 'node:path';
import { qualityName } from '@fieldline/shared/contracts';
import { createHealth, createMetrics, silentLog, systemClock } from '@fieldline/shared/runtime';
import { temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { startAgent } from '../../../src/agent.ts';
import { edgeConfig } from '../../helpers/agent.ts';
import { imageOf } from '../../helpers/folder.ts';
import { allBatches, openJournal } from '../../helpers/journal.ts';
import { insecure } from './harness.ts';
import { useNodeOpcua } from './peers/node-opcua.ts';

const serverWith = useNodeOpcua();
/** Nobody listens there: the journal keeps all. */
const noBroker = 'mqtt://127.0.0.1:9';

async function agentIn(folder: string, endpoint: string) {
  const alarms = { tag: 'alarms', node: 'i=2253', type: 'string', events: { type: 'i=2915' } };
  const server = { device: 'server', protocol: 'opcua', endpoint, security: insecure, publishingMs: 50 };
  const config = edgeConfig(noBroker, { devices: [{ ...server, tags: [alarms] }] });
  const metrics = createMetrics();
  const parts = { clock: systemClock, log: silentLog, metrics, health: createHealth(), configFolder: folder };
  const agent = await startAgent(config, { ...parts, closeTimeoutMs: 100 });
  onTestFinished(() => agent.close());
  const count = async (name: string): Promise<number> =>
    Number(new RegExp(`^fieldline_opcua_${name}_total{.*} (\\d+)$`, 'm').exec(await metrics.text())?.[1] ?? 0);
  return { close: () => agent.close(), count };
}

/** Of all runs, in the order of their times: what was said of which condition. */
function saidIn(folder: string): string[] {
  const journal = openJournal(join(imageOf(folder), 'journal'), { classes: ['process', 'alarm'] });
  const samples = allBatches(journal).flatMap(({ tagIndex, time, value, quality, tags }) =>
    tagIndex.flatMap((index, position) => {
      const [at, text, code] = [time[position] ?? 0, value[position], quality[position] ?? 0];
      if (tags[index]?.tag !== 'alarms' || typeof text !== 'string') return [];
      const { ConditionName, Message, Retain } = JSON.parse(text);
      return { at, said: `${ConditionName} ${Message} ${Retain ? 'stands' : 'is over'} ${qualityName(code)}` };
    }),
  );
  journal.close();
  return samples.toSorted((left, right) => left.at - right.at).map(({ said }) => said);
}

test('a condition that has not changed is not said again after a restart or a kill of the agent, and one that ended meanwhile is', async () => {
  const server = await serverWith({ alarms: ['pump', 'valve', 'tank'] });
  const alarm = (name: string, active: boolean, message: string) => server.ask({ do: 'alarm', name, active, message });
  let folder = temporaryFolder();
  const first = await agentIn(folder, server.endpoint);
  await alarm('pump', true, 'overload');
  await alarm('valve', true, 'stuck');
  await waitFor(() => saidIn(folder).length === 2, { what: 'two alarms in the journal' });
  await first.close();
  await alarm('valve', false, 'normal again');
  await alarm('tank', true, 'full');

  const second = await agentIn(folder, server.endpoint);
  const known = ['pump overload stands good', 'valve stuck stands good', 'tank full stands good'];
  const ended = 'valve stuck is over uncertain/substituted';
  await waitFor(() => saidIn(folder).includes(ended), { what: 'the end of which nobody heard' });
  expect(saidIn(folder)).toEqual([...known, ended]);
  expect(await second.count('repeated')).toBe(1);

  folder = imageOf(folder);
  await second.close();
  const third = await agentIn(folder, server.endpoint);
  await waitFor(async () => (await third.count('repeated')) === 2, { what: 'the two that stand to come again' });
  await alarm('pump', false, 'normal again');
  await waitFor(() => saidIn(folder).length > 4, { what: 'what came last' });
  expect(saidIn(folder)).toEqual([...known, ended, 'pump normal again is over good']);
});

test('a condition that a server has no more after its restart has ended, where the agent was killed before as well', async () => {
  const server = await serverWith({ alarms: ['pump', 'valve'] });
  const folder = temporaryFolder();
  const first = await agentIn(folder, server.endpoint);
  await server.ask({ do: 'alarm', name: 'pump', active: true, message: 'overload' });
  await waitFor(() => saidIn(folder).length === 1, { what: 'an alarm in the journal' });
  const left = imageOf(folder);
  await first.close();
  await server.kill();
  await serverWith({ ...server.settings, alarms: ['valve'] });

  await agentIn(left, server.endpoint);
  await waitFor(() => saidIn(left).length > 1, { what: 'the end of which nobody heard' });
  expect(saidIn(left)).toEqual(['pump overload stands good', 'pump overload is over uncertain/substituted']);
});
