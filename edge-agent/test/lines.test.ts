import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHealth, createMetrics, report, silentLog, systemClock } from '@fieldline/shared/runtime';
import { describeWith, startAedes, waitFor } from '@fieldline/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { startAgent } from '../src/agent.ts';
import { pair, startLine, startSlaves } from './drivers/modbus/serial-line.ts';
import { edgeConfig } from './helpers/agent.ts';
import { testGateway } from './helpers/journal.ts';

describeWith(pair, 'an agent with a serial line', () => {
  test('says how busy the line is kept, and remembers what its units take to answer', async () => {
    const { ours, theirs, folder } = await startLine();
    await startSlaves(theirs);
    const broker = await startAedes();
    onTestFinished(() => broker.close());
    const config = edgeConfig(broker.url, {
      devices: [
        {
          device: 'meter',
          protocol: 'modbus',
          link: { kind: 'rtu', path: ours, baudRate: 115_200, parity: 'none' },
          everyMs: 50,
          tags: [{ tag: 'a', address: 0 }],
        },
      ],
    });
    const start = async () => {
      const [health, metrics] = [createHealth(), createMetrics()];
      const parts = { clock: systemClock, log: silentLog, metrics, health, configFolder: folder, closeTimeoutMs: 500 };
      const agent = await startAgent(config, parts);
      onTestFinished(() => agent.close());
      const read = async (): Promise<number> =>
        Number((await metrics.text()).match(/^fieldline_agent_samples_read_total (\d+)/m)?.[1] ?? 0);
      return { agent, read, metrics, note: () => report(health.ready).notes?.lines };
    };

    const first = await start();
    // 15 characters of 87 µs, two silences of 1.75 ms and 10 ms for the answer: 14.8 of 50 ms.
    expect(first.note()).toBe(`${ours} is asked for 30 % of its time (answers after 10 ms)`);
    await waitFor(async () => (await first.read()) >= 20, { what: 'a round of answers' });
    await first.agent.close();
    const file = join(folder, 'learned', `${testGateway}.json`);
    expect(existsSync(file)).toBe(true);
    const { answers } = JSON.parse(readFileSync(file, 'utf8'));
    expect(answers).toEqual([{ link: ours, unit: 1, answerMs: expect.any(Number) }]);

    writeFileSync(file, JSON.stringify({ v: 1, answers: [{ ...answers[0], answerMs: 60 }] }));
    const second = await start();
    expect(second.note()).toBe(`${ours} is asked for 130 % of its time (answers after 60 ms)`);
    const text = await second.metrics.text();
    expect(text).toMatch(/^fieldline_modbus_load_ratio\{.*\} 1\.29/m);
    expect(text).toMatch(/^fieldline_modbus_answer_seconds\{.*unit="1"\} 0\.06$/m);
  });
});
