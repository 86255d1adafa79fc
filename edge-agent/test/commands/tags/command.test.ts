import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModbusDevice } from '@fieldline/shared/config';
import { readEdgeConfig } from '@fieldline/shared/config/load-edge';
import { shippedProfileNames } from '@fieldline/shared/config/profile-files';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import * as tags from '../../../src/commands/tags/command.ts';
import { readTagList, tagListOf } from '../../../src/commands/tags/tag-list.ts';
import { profilesFolder } from '../../../src/profiles-folder.ts';
import { runByHand, settingsFile } from '../run-by-hand.ts';

const deviceOf = (file: string): ModbusDevice => readEdgeConfig(file, profilesFolder).config.devices[0] as ModbusDevice;
const device = (rest: string): string =>
  `  - device: d\n    protocol: modbus\n    link: { kind: tcp, host: h }\n${rest}`;

async function imported(text: string, ...args: string[]) {
  const file = join(temporaryFolder(), 'list.csv');
  writeFileSync(file, text);
  const { said, thrown } = await runByHand(tags, ['import', file, ...args]);
  return { said, problems: thrown === null ? [] : String(thrown).replaceAll(file, 'list.csv').split('\n').slice(1) };
}

describe('tags export', () => {
  test('gives the columns that are in use, and a line for each tag', async () => {
    const file = settingsFile(
      device(`    addressBase: 4xxxx
    tags:
      - { tag: power, address: 40001, type: int16, scaleFactor: 40002, unit: W, description: 'from the grid, net' }
      - { tag: mode, address: 30003, bits: [4, 7], notAvailable: [0xFFFF, '0x8000'] }
`),
    );
    const { said, thrown } = await runByHand(tags, ['export', '--config', file, '--device', 'd']);
    expect(thrown).toBe(null);
    expect(said).toEqual([
      'tag,table,address,type,bits,notAvailable,scaleFactor,unit,description',
      'power,holding,40001,int16,,,40002,W,"from the grid, net"',
      'mode,input,30003,uint16,4 7,65535 0x8000,,,',
    ]);
  });

  test.each(shippedProfileNames(profilesFolder))('of %s gives the same tags when it is imported', async (name) => {
    const exported = deviceOf(settingsFile(device(`    profile: ${name}\n`)));
    const text = tagListOf(exported.tags).join('\r\n');
    expect(readTagList(text, exported.addressBase)).toEqual({ tags: exported.tags, problems: [] });
    const { said, problems } = await imported(text, '--address-base', String(exported.addressBase));
    expect(problems).toEqual([]);
    const lines = said.filter((line) => !line.startsWith('addressBase')).map((line) => `    ${line}\n`);
    const { addressBase, byteOrder } = exported;
    const written = `    addressBase: ${addressBase}\n    byteOrder: ${byteOrder}\n${lines.join('')}`;
    expect(deviceOf(settingsFile(device(written))).tags).toEqual(exported.tags);
  });

  test('gives what may be written, and it is the same when it is imported', async () => {
    const written = `    tags:
      - { tag: setpoint, address: 100, type: int16, write: { min: 5, max: 35, functionCode: 16 } }
      - { tag: mode, address: 101, type: string, registers: 4, write: { oneOf: [on, 'a, b'] } }
`;
    const file = settingsFile(device(written));
    const { said: list } = await runByHand(tags, ['export', '--config', file, '--device', 'd']);
    expect(list[1]).toBe('setpoint,holding,100,int16,,"{""min"":5,""max"":35,""functionCode"":16}"');
    const { said, problems } = await imported(list.join('\n'));
    expect(problems).toEqual([]);
    // What holds anyway is written down neither here nor there.
    expect(said[1]).toContain('write: { min: 5, max: 35, functionCode: 16 }');
    const again = device(said.map((line) => `    ${line}\n`).join(''));
    expect(deviceOf(settingsFile(again)).tags).toEqual(deviceOf(file).tags);
    expect((await imported('tag,address,write\na,1,yes\n')).problems).toEqual([
      expect.stringMatching(/^ {2}list\.csv:2:5: write is "yes"; it must be/),
    ]);
  });

  test('gives records of files, alone or beside registers, and they are the same when they are imported', async () => {
    const written = `    tags:
      - { tag: hours, file: 4, record: 12, type: uint32 }
      - { tag: level, address: 7 }
`;
    const file = settingsFile(device(written));
    const { said: list } = await runByHand(tags, ['export', '--config', file, '--device', 'd']);
    expect(list).toEqual(['tag,table,address,file,record,type', 'hours,file,,4,12,uint32', 'level,holding,7,,,uint16']);
    const { said, problems } = await imported(list.join('\n'));
    expect(problems).toEqual([]);
    const again = device(said.map((line) => `    ${line}\n`).join(''));
    expect(deviceOf(settingsFile(again)).tags).toEqual(deviceOf(file).tags);
    expect((await imported('tag,file,record\nhours,4,12\n')).problems).toEqual([]);
    expect((await imported('tag,file,record\nhours,4,\n')).problems).toEqual([
      expect.stringMatching(
        /^ {2}list\.csv:2:\d+: record is missing: state the number of the first record in the file, from 0$/,
      ),
    ]);
  });

  test('gives the exchange by which a tag is read', async () => {
    const rest = '    pollsMayWrite: true\n    exchanges: [{ exchange: page, address: 2048, words: [1] }]\n';
    const file = settingsFile(device(`${rest}    tags: [{ tag: state, address: 100, exchange: page }]\n`));
    const { said: list } = await runByHand(tags, ['export', '--config', file, '--device', 'd']);
    expect(list).toEqual(['tag,table,address,type,exchange', 'state,holding,100,uint16,page']);
    const { said, problems } = await imported(list.join('\n'));
    expect(problems).toEqual([]);
    const again = device(`${rest}${said.map((line) => `    ${line}\n`).join('')}`);
    expect(deviceOf(settingsFile(again)).tags).toEqual(deviceOf(file).tags);
  });

  test('tells which devices there are', async () => {
    const file = settingsFile(device('    tags: [{ tag: a, address: 0 }]\n'));
    const { thrown } = await runByHand(tags, ['export', '--config', file, '--device', 'e']);
    expect(thrown).toMatchObject({
      code: 'arguments/invalid',
      message: expect.stringContaining('e is no Modbus device of the settings. Did you mean d?'),
    });
  });
});

describe('tags import', () => {
  test('reads what a spreadsheet writes where numbers have a comma, and quotes what YAML would misread', async () => {
    const text =
      '\ufeffaddress;tag;type;scale;unit;clamp;description\r\n0x10;a;int16;0,1;°C;-20,5 80;"say ""on"": 1"\r\n17;true;;;;;\r\n';
    const { said, problems } = await imported(text);
    expect(problems).toEqual([]);
    expect(said).toEqual([
      'tags:',
      '  - { tag: a, address: 16, type: int16, scale: 0.1, clamp: [-20.5, 80], unit: "°C", description: "say \\"on\\": 1" }',
      '  - { tag: "true", address: 17, type: uint16 }',
    ]);
  });

  test('tells every mistake with line and column', async () => {
    const text = 'tag,address,type,registers,scale\na,1,uint17,,\nb,x,,,"0,1"\n c d,3,,,\ne,4,string,,\na,5,,,0\n';
    const { problems } = await imported(text);
    expect(problems).toEqual([
      expect.stringMatching(/^ {2}list\.csv:2:5: type is "uint17"; it must be one of .*Did you mean uint16\?$/),
      '  list.csv:3:3: address is "x"; it must be a number',
      '  list.csv:3:7: scale is "0,1"; it must be a number',
      expect.stringMatching(/^ {2}list\.csv:4:1: tag is "c d": /),
      expect.stringContaining('list.csv:5:5: type is "string": string needs registers'),
      '  list.csv:6:1: a stands in line 2 already; rename or remove one of the two',
      expect.stringMatching(/^ {2}list\.csv:6:7: scale is 0: scale 0 leaves nothing of the value$/),
    ]);
    expect((await imported('tag,address,type\na,1,string\nb,65535,int32\na,7,\nc\n')).problems).toEqual([
      expect.stringContaining('list.csv:2:5: type is "string": string needs registers'),
      expect.stringContaining('list.csv:3:3: address is 65535: int32 takes 2 registers from here'),
      expect.stringContaining('list.csv:4:1: a stands in line 2 already'),
      '  list.csv:5:1: has 1 cell; the first line has 3',
    ]);
  });

  test('tells what is wrong with the columns, and a list that is none', async () => {
    expect((await imported('tag,adress,tag\na,1,b\n')).problems).toEqual([
      '  list.csv:1:5: there is no column "adress": did you mean address?',
      '  list.csv:1:12: the column tag stands here twice; remove one of the two',
    ]);
    expect((await imported('tag,address,typ\na,1,string\n')).problems).toEqual([
      '  list.csv:1:13: there is no column "typ": did you mean type?',
      expect.stringContaining('list.csv:2:5: type is "string": string needs registers'),
    ]);
    expect((await imported('tag,address\na\n')).problems).toEqual(['  list.csv:2:1: has 1 cell; the first line has 2']);
    expect((await imported('')).problems).toEqual([expect.stringContaining('list.csv:1:1: has no tags')]);
    expect((await imported('tag,address\n')).problems).toEqual([expect.stringContaining('list.csv:1:1: has no tags')]);
  });

  test('checks addresses in the notation that is stated', async () => {
    const text = 'tag,address\na,40001\n';
    expect((await imported(text, '--address-base', '4xxxx')).said[0]).toBe('addressBase: 4xxxx');
    expect((await imported('tag,address\na,0\n', '--address-base', '1')).problems).toEqual([
      '  list.csv:2:3: address is 0: the device counts from addressBase: 1',
    ]);

    expect((await runByHand(tags, ['import', 'x', '--address-base', '4'])).thrown).toMatchObject({
      code: 'arguments/invalid',
    });
  });
});
