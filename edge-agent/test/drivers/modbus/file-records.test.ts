/** Frames written by hand from the specification (Application Protocol v1.1b3, 6.14): its example, and what is wrong about answers. */
import { join } from 'node:path';
import { recordPosition } from '@fieldline/shared/config';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fileReply, fileRequestFrame } from '../../../src/drivers/modbus/file-records.ts';
import { outlineOf } from '../../../src/drivers/modbus/ports/trace.ts';
import { type Answer, startPlc, withChecksum } from './plc.ts';
import { createTestClock, device, startRig, tcp } from './rig.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const unit = 17;
/** Two records of file 4 from 1 on, two of file 3 from 9 on. */
const example = [
  { first: recordPosition(4, 1), count: 2 },
  { first: recordPosition(3, 9), count: 2 },
];
const exampleRequest = '14 0E 06 0004 0001 0002 06 0003 0009 0002';
const exampleAnswer = '14 0C 05 06 0DFE 0020 05 06 33CD 0040';
const answered = (pdu: string, from = unit) =>
  fileReply(withChecksum(hex(`${from.toString(16)}${pdu}`)), unit, example);

describe('the example of the specification', () => {
  test('is asked for and understood', () => {
    expect(fileRequestFrame(unit, example)).toEqual(withChecksum(hex(`11 ${exampleRequest}`)));
    expect(answered(exampleAnswer)).toEqual({ kind: 'data', data: hex('0DFE 0020 33CD 0040') });
  });

  test('says of its answer what it begins with and how long it is', () => {
    expect(outlineOf(fileRequestFrame(unit, example), unit)).toEqual({ unit, code: 0x14, third: 12, rtuBytes: 17 });
  });

  test('is no answer where any part of it is another', () => {
    for (const pdu of [
      '14 0B 05 06 0DFE 0020 05 06 33CD 0040', // another byte count
      '14 0C 07 06 0DFE 0020 03 06 33CD 0040', // the first part is longer, the second shorter
      '14 0C 05 05 0DFE 0020 05 06 33CD 0040', // reference type 5
      '14 0C 05 06 0DFE 0020 04 06 33CD 0040',
      '14 0C 05 06 0DFE 0020 05 07 33CD 0040',
      '14 06 05 06 0DFE 0020', // one part is missing
      '14 12 05 06 0DFE 0020 05 06 33CD 0040 05 06 0000 0000', // one too many
      '03 0C 05 06 0DFE 0020 05 06 33CD 0040',
      '14 0C',
    ]) {
      expect(answered(pdu), pdu).toEqual({ kind: 'garbled', isDamaged: false });
    }
    expect(answered(exampleAnswer, unit + 1)).toEqual({ kind: 'garbled', isDamaged: false });
    expect(answered('94 02')).toEqual({ kind: 'exception', code: 2 });
  });
});

/** What a unit is asked, and by how many stretches. */
const stretchesOf = (asked: Buffer): { file: number; record: number; count: number }[] =>
  Array.from({ length: asked.readUInt8(1) / 7 }, (_, index) => ({
    file: asked.readUInt16BE(3 + index * 7),
    record: asked.readUInt16BE(5 + index * 7),
    count: asked.readUInt16BE(7 + index * 7),
  }));

/** Each record holds 100 × its file + its number, if `has` says that it is there; `most`: stretches that it takes at once. */
function files(
  has: (file: number, record: number) => boolean,
  most = 35,
  tooMany = '94 03',
): { answer: Answer; asked: string[] } {
  const seen: string[] = [];
  const answer: Answer = (_ask, { asked, send }) => {
    const stretches = stretchesOf(asked);
    seen.push(stretches.map(({ file, record, count }) => `${file}:${record}+${count}`).join(' '));
    const records = stretches.map(({ file, record, count }) =>
      Array.from({ length: count }, (_, index) => [file, record + index] as const),
    );
    if (stretches.length > most) return send(hex(tooMany));
    if (!records.flat().every(([file, record]) => has(file, record))) return send(hex('94 02'));
    const parts = records.map((own) => {
      const words = own.map(([file, record]) => (file * 100 + record).toString(16).padStart(4, '0'));
      return `${(1 + own.length * 2).toString(16).padStart(2, '0')}06${words.join('')}`;
    });
    const body = hex(parts.join(''));
    send(Buffer.concat([Buffer.of(0x14, body.length), body]));
  };
  return { answer, asked: seen };
}

async function startFiles(plc: ReturnType<typeof files>, tags: readonly object[], settings: object = {}) {
  const { port, close } = await startPlc(plc.answer);
  onTestFinished(() => close());
  const clock = createTestClock();
  const rig = await startRig([device({ link: tcp(port), tags, ...settings })], clock);
  return { rig, clock };
}

const tagOf = (file: number, record: number, more: object = {}) => ({
  tag: `f${file}r${record}`,
  file,
  record,
  ...more,
});

describe('a device with files', () => {
  test('is asked for several stretches in one request, and each value comes from its own', async () => {
    const plc = files(() => true);
    const { rig } = await startFiles(plc, [
      tagOf(2, 7),
      tagOf(1, 0, { type: 'uint32' }),
      tagOf(1, 9),
      tagOf(1, 3),
      { tag: 'w', address: 7 },
    ]);
    expect(rig.driver.requests.map(({ name }) => name)).toEqual([
      'plc file 1 records 0–3, 9; file 2 record 7',
      'plc holding 7',
    ]);
    expect(await rig.read('file')).toEqual({ f2r7: 207, f1r0: 100 * 65_536 + 101, f1r9: 109, f1r3: 103 });
    expect(plc.asked).toEqual(['1:0+4 1:9+1 2:7+1']);
  });

  test('loses only the record that it has not, and is asked for it again later', async () => {
    let isThere = false;
    const plc = files((file, record) => isThere || file !== 1 || record !== 50);
    const { rig, clock } = await startFiles(plc, [tagOf(1, 0), tagOf(1, 50), tagOf(2, 0), tagOf(3, 0)]);
    const rest = { f1r0: 100, f2r0: 200, f3r0: 300 };
    await rig.read();
    expect(await rig.read()).toEqual({ ...rest, f1r50: 'bad/address' });
    plc.asked.length = 0;
    expect(await rig.read()).toEqual({ ...rest, f1r50: 'bad/address' });
    expect(plc.asked).toEqual(['1:0+1', '2:0+1 3:0+1']);
    expect(rig.driver.status()[0]?.trouble).toBe('it refuses 1 of its tags: f1r50');
    isThere = true;
    clock.putForward(60_000);
    await rig.read();
    await rig.read();
    expect(await rig.read()).toEqual({ ...rest, f1r50: 150 });
  });

  test('is not asked after a restart for the record that it has not', async () => {
    const plc = files((file, record) => file !== 400 || record !== 50);
    const { port, close } = await startPlc(plc.answer);
    onTestFinished(() => close());
    const learnedFile = join(temporaryFolder(), 'learned', 'g.json');
    const tags = [tagOf(400, 0), tagOf(400, 50), tagOf(401, 0)];
    const start = () => startRig([device({ link: tcp(port), tags })], undefined, undefined, undefined, learnedFile);
    const first = await start();
    for (let turn = 0; turn < 3; turn++) await first.read();
    await first.driver.close();
    plc.asked.length = 0;
    expect(await (await start()).read()).toEqual({ f400r0: 40_000, f400r50: 'bad/address', f401r0: 40_100 });
    expect(plc.asked).toEqual(['400:0+1', '401:0+1']);
  });

  test('that takes one stretch at a time is learned, or told by maxSubRequests', async () => {
    const tags = [tagOf(1, 0), tagOf(1, 50), tagOf(2, 0), tagOf(3, 0)];
    const all = { f1r0: 100, f1r50: 150, f2r0: 200, f3r0: 300 };
    const one = ['1:0+1', '1:50+1', '2:0+1', '3:0+1'];
    const learned = files(() => true, 1);
    const { rig } = await startFiles(learned, tags);
    for (let turn = 0; turn < 2; turn++) expect(await rig.read()).toEqual(all);
    learned.asked.length = 0;
    expect(await rig.read()).toEqual(all);
    expect(learned.asked).toEqual(one);
    const told = files(() => true, 1);
    expect(await (await startFiles(told, tags, { maxSubRequests: 1 })).rig.read()).toEqual(all);
    expect(told.asked).toEqual(one);
  });

  test('that fails at several stretches is asked for one at a time', async () => {
    const tags = [tagOf(1, 0), tagOf(1, 50), tagOf(2, 0), tagOf(3, 0)];
    const plc = files(() => true, 1, '94 04');
    const { rig } = await startFiles(plc, tags);
    const all = { f1r0: 100, f1r50: 150, f2r0: 200, f3r0: 300 };
    for (let turn = 0; turn < 2; turn++) await rig.read();
    for (let turn = 0; turn < 3; turn++) expect(await rig.read()).toEqual(all);
    plc.asked.length = 0;
    expect(await rig.read()).toEqual(all);
    expect(plc.asked).toEqual(['1:0+1', '1:50+1', '2:0+1', '3:0+1']);
  });

  test('whose records are more than a register is asked for each tag by itself, from the beginning of its record', async () => {
    // Record n is of eight registers: 10 × n, 10 × n + 1, …
    const answer: Answer = (_ask, { asked, send }) => {
      const parts = stretchesOf(asked).map(({ record, count }) => {
        const words = Array.from({ length: count }, (_, index) => record * 10 + index);
        return Buffer.concat([Buffer.of(1 + count * 2, 6), Buffer.from(Uint16Array.from(words).buffer).swap16()]);
      });
      const body = Buffer.concat(parts);
      send(Buffer.concat([Buffer.of(0x14, body.length), body]));
    };
    const tags = [
      tagOf(1, 5, { type: 'uint64' }),
      tagOf(1, 6, { type: 'uint32' }),
      tagOf(1, 7),
      tagOf(2, 9_999, { type: 'uint32' }),
    ];
    const { rig } = await startFiles({ answer, asked: [] }, tags, { joinRecords: false });
    expect(rig.driver.requests.map(({ name }) => name)).toEqual(['plc file 1 records 5, 6, 7; file 2 record 9999']);
    expect(await rig.read()).toEqual({
      f1r5: (50n << 48n) | (51n << 32n) | (52n << 16n) | 53n,
      f1r6: 60 * 65_536 + 61,
      f1r7: 70,
      f2r9999: (99_990 % 65_536) * 65_536 + (99_991 % 65_536),
    });
  });

  test('whose answer is not what was asked for gives no value, and the next one is none the worse', async () => {
    let isOdd = true;
    const plc = files(() => true);
    const answer: Answer = (ask, reply) => {
      if (isOdd) reply.send(hex('14 04 03 05 0001'));
      else plc.answer(ask, reply);
    };
    const { rig } = await startFiles({ ...plc, answer }, [tagOf(1, 1)]);
    expect(await rig.read()).toEqual({ f1r1: 'bad/reply' });
    isOdd = false;
    expect(await rig.read()).toEqual({ f1r1: 101 });
  });

  test('that is silent leaves nothing behind for the requests after it', async () => {
    let isSilent = true;
    const plc = files(() => true);
    const answer: Answer = (ask, reply) => {
      if (!isSilent) plc.answer(ask, reply);
    };
    const { rig } = await startFiles({ ...plc, answer }, [tagOf(1, 1), tagOf(1, 500)], { timeoutMs: 20 });
    expect(await rig.read()).toEqual({ f1r1: 'bad/timeout', f1r500: 'bad/timeout' });
    isSilent = false;
    expect(await rig.read()).toEqual({ f1r1: 101, f1r500: 600 });
  });
});
