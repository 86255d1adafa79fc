import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run as browse } from '../../src/commands/browse/command.ts';
import { run as plan } from '../../src/commands/plan/command.ts';
import { run as probe } from '../../src/commands/probe/command.ts';
import { run as profiles } from '../../src/commands/profiles/command.ts';
import { run as read } from '../../src/commands/read/command.ts';
import { run as scan } from '../../src/commands/scan/command.ts';
import { run as tags } from '../../src/commands/tags/command.ts';
import { profilesFolder } from '../../src/profiles-folder.ts';
import { runByHand, settingsFile } from './run-by-hand.ts';

const file =
  settingsFile(`  - { device: plc, protocol: modbus, link: { kind: tcp, host: h }, tags: [{ tag: level, address: 0 }] }
  - { device: ua, protocol: opcua, endpoint: 'opc.tcp://h', tags: [{ tag: x, node: i=1 }] }
`);
const config = ['--config', file];
const at = ['--host', '127.0.0.1', '--address', '0'];

describe('wrong use is told in a sentence that says what to do:', () => {
  test.each([
    [plan, ['edge.yaml'], '"edge.yaml" stands behind no option: say what it is, such as --config edge.yaml'],
    [plan, [...config, '--answer-ms', '-3'], '--answer-ms is -3; it must be a whole number from 0 to 60000'],
    [read, [], 'where to read is missing: --config and --device, or --host, --path or --link'],
    [read, ['--host', 'h'], '--address is missing: which register to read, or --file and --record'],
    [read, ['--host', 'h', '--device', 'plc'], /^--device names what .* leave --device out and state --address$/],
    [read, ['--tag', 'a'], '--tag names what stands in a settings file, and --config is missing: state it'],
    [
      read,
      [...config, '--device', 'plc', '--node', 'i=1'],
      'plc speaks modbus: --node names a node of an OPC UA server',
    ],
    [browse, [], 'which server is missing: browse opc.tcp://10.0.0.5:4840, or --config and --device'],
    [browse, [...config, '--device', 'us'], 'us is no OPC UA device of the settings. Did you mean ua?'],
    [read, [...config, '--device', 'plx'], 'plx is no device of the settings. Did you mean plc?'],
    [read, ['--host', 'http://h', '--address', '0'], /^--host is "http:\/\/h": must be a name or an address alone/],
    [read, ['--link', 'tcp', '--address', '0'], '1 problem in --link:'],
    [read, [...at, '--unit', '300'], 'unit: is 300; it must be at most 255'],
    [
      probe,
      ['--host', 'h', '--address', '65535', '--count', '2'],
      /^--count is 2; the last register of a device is 65535/,
    ],
    [scan, ['--host', 'h', '--units', '1-x'], '--units is 1-x; it must be ids such as 1-30 or 1,5,10-20'],
    [scan, ['--path', '/dev/ttyS9', '--parity', 'evn'], /^--parity is "evn"; it must be .* Did you mean even\?$/],
    [tags, ['exprt'], 'there is no tags exprt. Did you mean tags export?'],
    [tags, ['export', 'plc'], '"plc" stands behind no option: say what it is, such as --device meter-3'],
    [tags, ['import', 'a.csv', 'b.csv'], 'tags import takes one list'],
  ])('%o %j', async (run, args, sentence) => {
    const { thrown } = await runByHand({ run }, args);
    expect(thrown).toMatchObject({ code: 'arguments/invalid' });
    const [first] = String((thrown as Error).message).split('\n');
    expect(first).toEqual(sentence instanceof RegExp ? expect.stringMatching(sentence) : sentence);
  });

  test.each([
    [['show'], /^the name of the profile is missing: profiles show eastron\/sdm630/],
    [['list', 'eastron/sdm630'], /^profiles list lists all of them; for one: profiles show eastron\/sdm630/],
    [['show', 'a', 'b'], /^profiles show takes one name/],
  ])('profiles %j', (args, sentence) => {
    const call = () => profiles({ args, profilesFolder, workingFolder: '.', say: () => {} });
    expect(call).toThrow(
      expect.objectContaining({ code: 'arguments/invalid', message: expect.stringMatching(sentence) }),
    );
  });
});

test('a workbook is no list, and says how to make one of it', async () => {
  const workbook = join(dirname(file), 'list.xlsx');
  writeFileSync(workbook, Buffer.from('504b030414000600', 'hex'));
  const { thrown } = await runByHand({ run: tags }, ['import', workbook]);
  expect(thrown).toMatchObject({
    code: 'settings/unreadable',
    message: expect.stringContaining('is no plain text: save it in the spreadsheet as CSV UTF-8'),
  });
});
