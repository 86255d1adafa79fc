import { cpSync, rmSync } from 'node:fs';
import { startAedes } from '@fieldline/shared/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { auditLedger } from './evidence.ts';
import { expectAllStored } from './expect-all-stored.ts';
import { gateway, type Line, startLine } from './line.ts';

describe('a journal that is not where it was', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function start(): Promise<Line> {
    const broker = await startAedes();
    closers.push(broker.close);
    const line = await startLine({ brokerUrl: broker.url, devices: ['plc', 'meter'] });
    closers.push(line.close);
    await line.flows();
    return line;
  }

  const anomalies = async (line: Line): Promise<string[]> =>
    (await line.query<{ kind: string }>('SELECT kind FROM fieldline.anomaly WHERE gateway = $1', [gateway])).map(
      ({ kind }) => kind,
    );

  it('copied and run twice (a cloned card): nothing lost, nothing doubled, reported', async () => {
    const line = await start();
    const copy = `${line.journalFolder}-copy`;
    const kill = Date.now();
    await line.agent.kill();
    cpSync(line.journalFolder, copy, { recursive: true });
    await line.agent.start();
    await line.flows();
    await line.agent.stop();
    // The clone: the same card in a second gateway.
    rmSync(line.journalFolder, { recursive: true });
    cpSync(copy, line.journalFolder, { recursive: true });
    const second = Date.now();
    await line.agent.start();
    await line.flows();
    await line.settle();
    await expectAllStored(line, { kills: [kill, second] });
    expect(await anomalies(line)).toContain('forked-stream');
  }, 120_000);

  it('put back from an older copy: nothing lost, nothing doubled, reported', async () => {
    const line = await start();
    const kills = [Date.now()];
    await line.agent.kill();
    const copy = `${line.journalFolder}-copy`;
    cpSync(line.journalFolder, copy, { recursive: true });
    await line.agent.start();
    await line.flows();
    kills.push(Date.now());
    await line.agent.kill();
    await line.ingest.metric('fieldline_bridge_records_total');
    rmSync(line.journalFolder, { recursive: true });
    cpSync(copy, line.journalFolder, { recursive: true });
    await line.agent.start();
    await line.flows();
    await line.settle();
    // What the lost journal alone held is gone with it; the ledger says so rather than stay silent.
    const audit = await auditLedger(line.databaseUrl, gateway);
    expect(audit.wrongBatches).toBe(0);
    expect((await anomalies(line)).some((kind) => kind === 'forked-stream' || kind === 'restored-journal')).toBe(true);
    await expectAllStored(line, { kills, beforeKillMs: 2_500 });
  }, 120_000);
});
