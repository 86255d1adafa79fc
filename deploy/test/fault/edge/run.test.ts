import { describeWith, mosquitto, mountedDisk, temporaryFolder } from '@fieldline/shared/testing';
import { beforeAll, expect, it } from 'vitest';
import { settableClock } from '../../../fault/edge/clock.ts';
import { presentFaults, type Report, runEdgeFaults } from '../../../fault/edge/run.ts';

describeWith(mosquitto, 'agents under faults, the short form of npm run fault:edge', () => {
  const said: string[] = [];
  let report: Report;

  beforeAll(async () => {
    const faults = presentFaults();
    report = await runEdgeFaults({
      seed: 20_261_127,
      rounds: faults.length,
      gateways: 2,
      copies: false,
      logFolder: temporaryFolder(),
      signal: new AbortController().signal,
      say: (line) => said.push(line),
    });
    expect([...report.struck.keys()].sort()).toEqual(faults.map(({ name }) => name).sort());
  }, 300_000);

  it('every value served is stored once or declared, and the balance closes', () => {
    expect(report.findings, said.join('\n')).toEqual([]);
    expect(report.rows).toBeGreaterThan(200);
    expect(report.rows + report.declared + report.clockSet + report.atEnds).toBe(report.served);
    expect(report.declared).toBeGreaterThan(0);
    expect(report.files).toBeGreaterThan(0);
  });

  describeWith(mountedDisk, 'with disks of their own', () => {
    it('had them full and read-only', () => {
      expect([...report.struck.keys()].filter((name) => name.includes('disk'))).toHaveLength(2);
    });
  });

  describeWith(settableClock, 'with clocks of their own', () => {
    it('had one set', () => {
      expect(report.struck.get('clock set')).toBe(1);
    });
  });
});
