/** A site that takes commands, whatever its devices: Mosquitto, the agent as a program, an operator and as much of a cloud as it needs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AnswerMessage, answerSchema, decodeMessage, topicOf } from '@fieldline/shared/contracts';
import { freePort, mosquitto, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { connectAsync } from 'mqtt';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { startFakeCloud } from '../../../edge-agent/test/helpers/fake-cloud.ts';
import { testGateway } from '../../../edge-agent/test/helpers/journal.ts';
import { createProgram } from '../line/program.ts';

export type OperatedOptions = {
  readonly commands?: object;
  readonly uplink?: object;
  readonly beforeStart?: (site: { readonly brokerUrl: string }) => Promise<void>;
};

let numbered = 0;

/** `devices`: as the settings have them; one has a tag `level` that is read all the time. Commands are for `setpoint` of `plc`. */
export async function startOperated(
  devices: readonly object[],
  { commands = { enabled: true }, uplink, beforeStart }: OperatedOptions = {},
) {
  const broker = await mosquitto.start();
  onTestFinished(() => broker.close());
  const cloud = await startFakeCloud(broker.url);
  onTestFinished(() => cloud.close());
  const operator = await connectAsync(broker.url, { protocolVersion: 4 });
  onTestFinished(() => operator.endAsync(true));
  const answers: AnswerMessage[] = [];
  operator.on('message', (_topic, bytes) => answers.push(decodeMessage(answerSchema, bytes, testGateway)));
  await operator.subscribeAsync(topicOf(testGateway, 'answer'), { qos: 1 });
  await beforeStart?.({ brokerUrl: broker.url });

  const folder = temporaryFolder();
  const opsPort = await freePort();
  const settings = {
    ...{ gateway: testGateway, commands, http: { port: opsPort }, journal: { flushMs: 50 } },
    uplink: { broker: broker.url, ...uplink },
    devices,
  };
  writeFileSync(join(folder, 'edge.yaml'), stringify(settings));
  const agent = createProgram('edge-agent/src/main.ts', ['run', '--config', join(folder, 'edge.yaml')], opsPort);
  const read = async (): Promise<void> => {
    const from = Date.now() * 1_000;
    const isNewer = ({ tags: stated, time }: (typeof cloud.batches)[number]): boolean =>
      stated.some(({ tag }) => tag === 'level') && time.some((at) => at > from);
    await waitFor(() => cloud.batches.some(isNewer), { what: 'what is read from now on' });
  };
  onTestFinished(() => agent.kill());
  await agent.start();
  await read();

  const publish = (payload: object | string, options: { retain?: boolean } = {}) =>
    operator.publishAsync(
      topicOf(testGateway, 'command'),
      typeof payload === 'string' ? payload : JSON.stringify(payload),
      { qos: 1, ...options },
    );
  const command = (changes: object) => ({
    ...{ v: 1, gateway: testGateway, id: `c${++numbered}`, device: 'plc', tag: 'setpoint', value: 21.5 },
    ...{ expires: Date.now() * 1_000 + 30_000_000, ...changes },
  });
  /** The next answer. */
  const answered = async (): Promise<AnswerMessage> => {
    const from = answers.length;
    await waitFor(() => answers.length > from, { what: 'an answer' });
    return answers[from] as AnswerMessage;
  };
  return {
    ...{ broker, cloud, agent, answers, command, publish, answered, read },
    storeFile: join(folder, 'commands', `${testGateway}.sqlite`),
    /** Sends it and waits for the answer. */
    tell: async (changes: object, options: { retain?: boolean } = {}): Promise<AnswerMessage> => {
      const [answer] = await Promise.all([answered(), publish(command(changes), options)]);
      return answer;
    },
    /** The records of commands as the database would have them. */
    audit: (): Record<string, unknown>[] =>
      cloud.batches.flatMap(({ tags: stated, tagIndex, value }) =>
        value.flatMap((text, index) =>
          stated[tagIndex[index] ?? 0]?.tag === 'commands' ? [JSON.parse(String(text))] : [],
        ),
      ),
    /** The newest values of a tag that were read. */
    newest: (name: string): unknown =>
      cloud.batches
        .flatMap(({ tags: stated, tagIndex, value }) =>
          value.filter((_value, index) => stated[tagIndex[index] ?? 0]?.tag === name),
        )
        .at(-1),
  };
}
