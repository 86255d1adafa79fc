/** Commands from an operator over Mosquitto to a simulated device and back. */
import { topicOf } from '@fieldline/shared/contracts';
import { describeWith, mosquitto, waitFor } from '@fieldline/shared/testing';
import Database from 'better-sqlite3';
import modbusSerial from 'modbus-serial';
import { connectAsync } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { testGateway } from '../../../edge-agent/test/helpers/journal.ts';
import { startSite } from './site.ts';

const plc = { server: 'bus', part: 'plc' };

describeWith(mosquitto, 'a command', () => {
  test('is written, read back, answered with before and after, and recorded once', async () => {
    const site = await startSite();
    const answer = await site.tell({ id: 'first', value: 21.5, expected: 20, by: 'shift leader' });
    expect(answer).toMatchObject({
      ...{ id: 'first', device: 'plc', tag: 'setpoint', outcome: 'written', reason: null, by: 'shift leader' },
      ...{ before: 20, written: 21.5, after: 21.5, repeated: false },
    });
    await waitFor(() => site.newest('setpoint') === 21.5, { what: 'the new value to be read' });
    await waitFor(() => site.audit().length > 0, { what: 'the record' });
    await site.agent.stop();
    await site.agent.start();
    await site.read();
    expect(site.audit()).toEqual([
      expect.objectContaining({
        id: 'first',
        value: 21.5,
        expected: 20,
        by: 'shift leader',
        outcome: 'written',
        before: 20,
      }),
    ]);
    expect(site.cloud.batches.filter(({ class: tagClass }) => tagClass === 'alarm')).not.toEqual([]);
    expect(JSON.stringify(site.cloud.births)).toContain('"device":"fieldline"');
  });

  test('is refused with the reason where it may not be carried out, and nothing is written', async () => {
    const site = await startSite();
    const nowMicros = Date.now() * 1_000;
    const refusals: [object, string][] = [
      [{ device: 'other' }, 'unknown-tag'],
      [{ tag: 'level', value: 1 }, 'not-writable'],
      [{ value: 'warm' }, 'type'],
      [{ value: 35.1 }, 'out-of-range'],
      [{ value: 21.53 }, 'not-representable'],
      [{ expected: 19 }, 'not-expected'],
      [{ expires: nowMicros - 1 }, 'expired'],
      [{ expires: nowMicros + 2 * 3_600_000_000 }, 'expires-too-late'],
      [{ gateway: 'another' }, 'malformed'],
      [{ unknown: 1 }, 'malformed'],
    ];
    for (const [changes, reason] of refusals) {
      const { outcome, reason: given, written } = await site.tell(changes);
      expect([outcome, given, written], JSON.stringify(changes)).toEqual(['refused', reason, null]);
    }
    await site.read();
    expect([site.newest('setpoint'), site.newest('level')]).toEqual([20, 5]);
    await waitFor(() => site.audit().length === refusals.length - 2, { what: 'a record of each that could be read' });
    expect(await site.agent.metric('fieldline_commands_total')).toBe(refusals.length);
  });

  test('that comes twice is carried out once and answered twice', async () => {
    const site = await startSite();
    const command = site.command({ id: 'twice', value: 25 });
    await Promise.all([site.publish(command), site.publish(command)]);
    await waitFor(() => site.answers.length > 0, { what: 'the first answer' });
    expect((await site.tell({ value: 10 })).outcome).toBe('written');
    const again = await site.tell({ id: 'twice', value: 25 });
    expect(again).toMatchObject({ id: 'twice', outcome: 'written', before: 20, after: 25, repeated: true });
    const other = await site.tell({ id: 'twice', value: 30 });
    expect(other).toMatchObject({ written: 25, repeated: true });
    await site.read();
    expect(site.newest('setpoint')).toBe(10);
    await waitFor(() => site.audit().length === 2, { what: 'one record of each' });
  });

  test('that was retained is refused when the agent connects', async () => {
    const expires = Date.now() * 1_000 + 60_000_000;
    const retained = { v: 1, gateway: testGateway, id: 'kept', device: 'plc', tag: 'setpoint', value: 30, expires };
    const site = await startSite({
      beforeStart: async ({ brokerUrl }) => {
        const client = await connectAsync(brokerUrl);
        await client.publishAsync(topicOf(testGateway, 'command'), JSON.stringify(retained), { qos: 1, retain: true });
        await client.endAsync();
      },
    });
    await waitFor(() => site.answers.length > 0, { what: 'an answer' });
    expect(site.answers[0]).toMatchObject({ id: 'kept', outcome: 'refused', reason: 'retained', repeated: false });
    await site.read();
    expect(site.newest('setpoint')).toBe(20);
    await site.agent.stop();
    await site.agent.start();
    await waitFor(() => site.answers.length > 1, { what: 'an answer' });
    expect(site.answers[1]).toMatchObject({ id: 'kept', reason: 'retained', repeated: true });
  });

  test('that is to be retained is refused while the agent is connected too, where MQTT 5 tells', async () => {
    const site = await startSite();
    expect(await site.tell({ value: 30 }, { retain: true })).toMatchObject({ outcome: 'refused', reason: 'retained' });
  });

  test('that was retained on MQTT 3.1.1 is carried out at most once', async () => {
    const site = await startSite({ uplink: { protocol: '3.1.1' } });
    const first = await site.tell({ id: 'kept', value: 30 }, { retain: true });
    expect(first.outcome).toBe('written');
    expect((await site.tell({ value: 12 })).outcome).toBe('written');
    await site.agent.stop();
    await site.agent.start();
    await waitFor(() => site.answers.some(({ repeated }) => repeated), { what: 'the answer to come again' });
    await site.read();
    expect(site.newest('setpoint')).toBe(12);
  });

  test('is refused where the tag, or the gateway, was told something too short a time ago', async () => {
    const site = await startSite({ commands: { enabled: true, mostPerMinute: 3 } });
    expect(await site.tell({ tag: 'mode', value: 2 })).toMatchObject({ outcome: 'written', before: 1, after: 2 });
    expect(await site.tell({ tag: 'mode', value: 1 })).toMatchObject({ outcome: 'refused', reason: 'too-often' });
    expect((await site.tell({ value: 30 })).outcome).toBe('written');
    const last = await site.tell({ value: 31 });
    expect(last).toMatchObject({
      outcome: 'refused',
      reason: 'too-often',
      message: expect.stringMatching(/^commands.mostPerMinute is reached; this is its answer until/),
    });
  });

  test('to a device that is away, says no, ignores it or does not answer is told as what it is', async () => {
    const site = await startSite();
    await site.plant.faults.set(plc, { kind: 'ignore-writes' });
    expect(await site.tell({ value: 30 })).toMatchObject({
      ...{ outcome: 'unverified', reason: 'mismatch', before: 20, written: 30, after: 20 },
    });
    await site.plant.faults.set(plc, { kind: 'mute-writes' });
    const muted = await site.tell({ value: 31 });
    expect(muted).toMatchObject({ outcome: 'unknown', reason: 'no-answer', before: 20, written: 31, after: 31 });
    expect(muted.message).toContain('read back, it is 31');
    await site.plant.faults.clear();
    await site.plant.faults.set({ server: 'bus' }, { kind: 'refuse' });
    await waitFor(async () => (await site.agent.metric('fieldline_agent_device_connected')) === 0, {
      what: 'it to be away',
    });
    expect(await site.tell({ value: 32 })).toMatchObject({
      outcome: 'refused',
      reason: 'not-connected',
      written: null,
    });
  });

  test('whose agent is killed between note and write is never written, and said to be unknown', async () => {
    // The pause of the link stands between the reading and the write: the command is noted before it.
    const site = await startSite({ link: { pauseBetweenMs: 1_500 } });
    const command = site.command({ id: 'killed', value: 30 });
    await site.publish(command);
    await waitFor(() => countNoted(site.storeFile) === 1, { what: 'the note' });
    await site.agent.kill();
    await site.agent.start();
    await waitFor(() => site.answers.length > 0, { timeoutMs: 30_000, what: 'an answer' });
    expect(site.answers).toEqual([
      expect.objectContaining({ id: 'killed', outcome: 'unknown', reason: 'interrupted', before: 20, after: 20 }),
    ]);
    await site.publish(command);
    await waitFor(() => site.answers.length > 1, { what: 'the same answer again' });
    expect(site.answers[1]).toMatchObject({ id: 'killed', outcome: 'unknown', repeated: true });
    await waitFor(() => site.audit().length > 0, { what: 'the record' });
    await site.read();
    expect(site.newest('setpoint')).toBe(20);
    expect(site.audit()).toEqual([expect.objectContaining({ id: 'killed', outcome: 'unknown' })]);
  });

  test('whose agent is killed between write and answer is not written again', async () => {
    const site = await startSite({ timeoutMs: 10_000 });
    const other = new modbusSerial.default();
    await other.connectTCP('127.0.0.1', { port: site.plant.servers[0]?.port ?? 0 });
    onTestFinished(() => other.close(() => {}));
    await site.plant.faults.set(plc, { kind: 'mute-writes' });
    const command = site.command({ id: 'killed', value: 30 });
    await site.publish(command);
    await waitFor(async () => (await other.readHoldingRegisters(0, 1)).data[0] === 300, { what: 'the write' });
    await site.agent.kill();
    await site.plant.faults.clear();
    await site.agent.start();
    await waitFor(() => site.answers.length > 0, { timeoutMs: 30_000, what: 'an answer' });
    expect(site.answers[0]).toMatchObject({ outcome: 'unknown', reason: 'interrupted', before: 20, after: 30 });
    await other.writeRegister(0, 100);
    await site.publish(command);
    await waitFor(() => site.answers.length > 1, { what: 'the same answer again' });
    await site.read();
    expect(site.newest('setpoint')).toBe(10);
  });

  test('changes nothing unless the settings switch commands on', async () => {
    const site = await startSite({ commands: {} });
    await site.publish(site.command({ value: 30 }));
    for (let reads = 0; reads < 5; reads++) await site.read();
    expect([site.newest('setpoint'), site.answers]).toEqual([20, []]);
  });
});

function countNoted(file: string): number {
  try {
    const database = new Database(file, { readonly: true, fileMustExist: true });
    try {
      return Number(database.prepare('SELECT count(*) FROM commands').pluck().get());
    } finally {
      database.close();
    }
  } catch {
    return 0;
  }
}
