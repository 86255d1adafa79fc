/** Devices that give their values only to whoever writes a request in the same telegram (function 23). */
import { describe, expect, onTestFinished, test } from 'vitest';
import * as read from '../../../src/commands/read/command.ts';
import { runByHand, settingsFile } from '../../commands/run-by-hand.ts';
import { type Answer, exception, registers, startPlc } from './plc.ts';
import { device, startRig, tcp } from './rig.ts';

/** What was written, and where; then what is asked for. */
const wordsOf = (asked: Buffer): number[] =>
  Array.from({ length: asked.readUInt16BE(7) }, (_, index) => asked.readUInt16BE(10 + index * 2));

/** Without a request word each register is 0; with it, the word × 1000 + its address. */
function pages(): { answer: Answer; written: string[] } {
  const written: string[] = [];
  const answer: Answer = (ask, { asked, send }) => {
    const values = (word: number) => Array.from({ length: ask.count }, (_, index) => word * 1_000 + ask.first + index);
    if (ask.code !== 23) return send(registers(ask, ask.code === 3 ? values(0).fill(0) : []));
    written.push(`${asked.readUInt16BE(5)}: ${wordsOf(asked).join(' ')}`);
    send(registers(ask, values(wordsOf(asked)[0] ?? 0)));
  };
  return { answer, written };
}

async function start(answer: Answer): Promise<number> {
  const plc = await startPlc(answer);
  onTestFinished(() => plc.close());
  return plc.port;
}

const exchanges = [
  { exchange: 'first-page', address: 2_048, words: [1] },
  { exchange: 'second-page', address: 2_048, words: [2, 0xffff] },
];
const settings = {
  pollsMayWrite: true,
  exchanges,
  tags: [
    { tag: 'a', address: 10, exchange: 'first-page' },
    { tag: 'b', address: 60, type: 'uint32', exchange: 'first-page' },
    { tag: 'c', address: 10, exchange: 'second-page' },
    { tag: 'plain', address: 10 },
  ],
};

describe('an exchange', () => {
  test('writes its words and reads all its tags by one request, once at each poll', async () => {
    const plc = pages();
    const rig = await startRig([device({ link: tcp(await start(plc.answer)), ...settings })]);
    expect(rig.driver.requests.map(({ name }) => name)).toEqual([
      'plc holding 10–61, writing holding 2048',
      'plc holding 10, writing holding 2048–2049',
      'plc holding 10',
    ]);
    const right = { a: 1_010, b: 1_060 * 65_536 + 1_061, c: 2_010, plain: 0 };
    expect(await rig.read()).toEqual(right);
    expect(plc.written).toEqual(['2048: 1', '2048: 2 65535']);
    expect(await rig.read()).toEqual(right);
    expect(plc.written).toHaveLength(4);
    expect(await rig.metrics.text()).toContain(
      `fieldline_modbus_exchanges_total{link="${rig.driver.requests[0]?.link}"} 4`,
    );
  });

  test.each([
    ['refused', 2, 'bad/address'],
    ['refused for good', 1, 'bad/refused'],
    ['answered by busy', 6, 'bad/refused'],
    ['answered by acknowledge', 5, 'bad/refused'],
  ])('that is %s is neither divided nor sent again before the next poll', async (_how, code, quality) => {
    let written = 0;
    const port = await start((ask, { send }) => {
      if (ask.code === 23) written += 1;
      send(ask.code === 23 ? exception(ask, code) : registers(ask, [7]));
    });
    const rig = await startRig([device({ link: tcp(port), ...settings })]);
    const bad = { a: quality, b: quality, c: quality, plain: 7 };
    expect(await rig.read()).toEqual(bad);
    expect(written).toBe(2);
    expect(await rig.read()).toEqual(bad);
    expect(written).toBe(4);
  });

  test('whose answer has another length gives no value', async () => {
    const port = await start((ask, { send }) => send(registers(ask, [1, 2, 3])));
    const rig = await startRig([device({ link: tcp(port), ...settings })]);
    expect(await rig.read('2048')).toEqual({ a: 'bad/reply', b: 'bad/reply', c: 'bad/reply' });
  });
});

describe('read by hand', () => {
  async function coupler() {
    const plc = pages();
    const link = tcp(await start(plc.answer));
    const file = settingsFile(`  - ${JSON.stringify({ device: 'coupler', protocol: 'modbus', link, ...settings })}\n`);
    return { file, plc };
  }

  async function readBy(...args: string[]) {
    const { file, plc } = await coupler();
    const { said, thrown } = await runByHand(read, ['--config', file, '--device', 'coupler', ...args]);
    expect(thrown).toBe(null);
    return { said: said.map((line) => line.replace(/\d+\.\d ms/, '… ms')), written: plc.written };
  }

  test('does not write, and says so', async () => {
    const { said, written } = await readBy();
    expect(written).toEqual([]);
    expect(said).toEqual([
      'coupler, unit 1, holding 10–61, writing holding 2048 (52 registers): not read, because that writes to the device: --exchanges does it',
      'coupler, unit 1, holding 10, writing holding 2048–2049 (1 register): not read, because that writes to the device: --exchanges does it',
      'coupler, unit 1, holding 10 (1 register): … ms',
      '  plain  0000  0  good',
    ]);
  });

  test('ends as wrong use where nothing but exchanges would read what is wanted', async () => {
    const { file, plc } = await coupler();
    const { thrown } = await runByHand(read, ['--config', file, '--device', 'coupler', '--tag', 'c']);
    expect(thrown).toMatchObject({ code: 'arguments/invalid', message: expect.stringContaining('State --exchanges') });
    expect(plc.written).toEqual([]);
  });

  test('writes where it is told to, once', async () => {
    const { said, written } = await readBy('--exchanges', '--tag', 'a', '--tag', 'b');
    expect(written).toEqual(['2048: 1']);
    expect(said).toEqual([
      'coupler, unit 1, holding 10–61, writing holding 2048 (52 registers): … ms',
      '  a  03F2       1010      good',
      '  b  0424 0425  69469221  good',
    ]);
  });
});
