import { describeWith, kafka, mosquitto, temporaryFolder } from '@fieldline/shared/testing';
import { expect, it } from 'vitest';
import { faults } from '../../../fault/cloud/faults.ts';
import { runCloudFaults } from '../../../fault/cloud/run.ts';

describeWith([kafka, mosquitto], 'the cloud under faults, the short form of npm run fault:cloud', () => {
  it('bridge, processors, broker, Kafka and database killed, a partition added, records doubled and poisoned: each sample once', async () => {
    const said: string[] = [];
    const report = await runCloudFaults({
      seed: 20_261_123,
      rounds: faults.length,
      gateways: 2,
      timescale: false,
      logFolder: temporaryFolder(),
      signal: new AbortController().signal,
      say: (line) => said.push(line),
    });
    expect(report.findings, said.join('\n')).toEqual([]);
    expect([...report.struck.keys()].sort()).toEqual(faults.map(({ name }) => name).sort());
    expect(report.samples).toBeGreaterThan(500);
    expect(report.rows).toBe(report.samples);
    expect(report.audit.duplicate).toBeGreaterThan(0);
    expect(report.poison).toBe(1);
  }, 300_000);
});
