import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { edgeSchema, loadEdgeConfig } from '@fieldline/shared/config';
import { isFieldlineError } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';

const meter = `model: A meter of nobody
sources: [{ title: its manual, at: a drawer, edition: '3' }]
byteOrder: CDAB
maxRegisters: 20
tags:
  - { tag: voltage.l1, group: voltages, table: input, address: 0, type: float32, unit: V, maximum: 300 }
  - { tag: voltage.l2, group: voltages, table: input, address: 2, type: float32, unit: V, maximum: 300 }
  - { tag: power, table: input, address: 10, type: int32, scale: 0.1, unit: W }
  - { tag: energy, group: energies, table: input, address: 20, type: uint64, unit: Wh }
`;

/** A gateway with one device; `device` is what stands below its id, protocol and link. */
function write(device: string, profile = meter) {
  const folder = temporaryFolder();
  const shipped = join(folder, 'shipped');
  mkdirSync(join(shipped, 'acme'), { recursive: true });
  writeFileSync(join(shipped, 'acme', 'meter1.yaml'), profile);
  writeFileSync(join(shipped, 'acme', 'meter2.yaml'), meter);
  writeFileSync(join(folder, 'mine.yaml'), profile);
  const file = join(folder, 'edge.yaml');
  const lines = ['device: m', 'protocol: modbus', 'link: { kind: tcp, host: h }', ...device.trim().split('\n')];
  const head = "gateway: g\nuplink: { broker: 'mqtt://h' }\ndevices:\n";
  writeFileSync(file, `${head}${lines.map((line, index) => `${index === 0 ? '  - ' : '    '}${line}\n`).join('')}`);
  return { folder, load: () => loadEdgeConfig(file, shipped).devices[0] };
}

function problemsOf(device: string, profile?: string): string[] {
  const { folder, load } = write(device, profile);
  try {
    load();
  } catch (error) {
    if (!isFieldlineError(error, 'settings/invalid')) throw error;
    return error.message
      .replaceAll(`${folder}/`, '')
      .split('\n')
      .slice(1)
      .map((row) => row.trim());
  }
  return [];
}

const tagsOf = (device: string) => {
  const loaded = write(device).load();
  if (loaded?.protocol !== 'modbus') throw new Error('another protocol');
  return loaded.tags;
};

describe('a device with a profile', () => {
  test('has its tags, its settings where it states none, and no trace of the profile', () => {
    const device = write('profile: acme/meter1\nunit: 7\nmaxRegisters: 10').load();
    expect(device).toMatchObject({ unit: 7, byteOrder: 'CDAB', maxRegisters: 10, addressBase: 0, everyMs: 1_000 });
    expect(device?.tags.map(({ tag }) => tag)).toEqual(['voltage.l1', 'voltage.l2', 'power', 'energy']);
    expect(device?.tags[2]).toEqual({
      tag: 'power',
      table: 'input',
      address: 10,
      type: 'int32',
      scale: 0.1,
      unit: 'W',
    });
    expect(JSON.stringify(device)).not.toMatch(/profile|override|only|group/);
  });

  test('can be written down as it was loaded and read again', () => {
    const device = write('profile: acme/meter1').load();
    const again = edgeSchema.parse({ gateway: 'g', uplink: { broker: 'mqtt://h' }, devices: [device] });
    expect(again.devices[0]).toEqual(device);
  });

  test('may have records of files in its profile', () => {
    const profile =
      'model: A\nsources: [{ title: t, at: a }]\nmaxSubRequests: 1\ntags: [{ tag: hours, file: 4, record: 12 }]\n';
    const device = write('profile: acme/meter1', profile).load();
    expect(device).toMatchObject({ maxSubRequests: 1, tags: [{ tag: 'hours', table: 'file', file: 4, record: 12 }] });
  });

  test('takes it from a file beside the settings', () => {
    expect(write('profile: ./mine.yaml').load()?.tags).toHaveLength(4);
  });

  test('chooses tags by name and by group, and adds its own', () => {
    const chosen = tagsOf('profile: acme/meter1\nonly: [energies, voltage.l2]\ntags: [{ tag: relay, address: 5 }]');
    expect(chosen.map(({ tag }) => tag)).toEqual(['voltage.l2', 'energy', 'relay']);
  });

  test('reads a scale factor that the profile names as a tag, also where that tag is not chosen', () => {
    const profile = meter
      .replace('scale: 0.1', 'scaleFactor: power.factor')
      .replace(
        '  - { tag: energy,',
        '  - { tag: power.factor, table: input, address: 12, type: int16 }\n  - { tag: energy,',
      );
    const device = write('profile: acme/meter1\nonly: [power]', profile).load();
    expect(device?.tags).toEqual([expect.objectContaining({ tag: 'power', address: 10, scaleFactor: 12 })]);
  });

  test('overrides a group, and a tag before its group', () => {
    const [one, two, power] = tagsOf(`profile: acme/meter1
override:
  voltages: { deadband: 0.5, everyMs: 5000, maximum: 250 }
  voltage.l2: { deadband: 2, class: energy }`);
    expect(one).toMatchObject({ deadband: 0.5, everyMs: 5_000, maximum: 250, unit: 'V' });
    expect(two).toMatchObject({ deadband: 2, everyMs: 5_000, maximum: 250, class: 'energy' });
    expect(power).not.toHaveProperty('deadband');
  });
});

describe('what is wrong with a profile is told', () => {
  test('an unknown name, with the one that was meant, and the list', () => {
    expect(problemsOf('profile: acme/metre1')).toEqual([
      'edge.yaml:7:14: devices[0].profile: acme/metre1 is not among the shipped profiles. Did you mean acme/meter1? There are acme/meter1, acme/meter2; for a file of your own write its path, e.g. ./acme-metre1.yaml',
    ]);
    expect(problemsOf('profile: meter2')[0]).toContain('Did you mean acme/meter2?');
  });

  test('a name that is mistyped, together with what the profile that is meant does not have', () => {
    const problems = problemsOf('profile: acme/metre1\nonly: [voltges, power]\noverride: { enrgy: { everyMs: 9 } }');
    expect(problems).toEqual([
      expect.stringContaining('profile: acme/metre1 is not among the shipped profiles. Did you mean acme/meter1?'),
      expect.stringContaining('only[0]: voltges is no tag or group of acme/meter1. Did you mean voltages?'),
      expect.stringContaining('override.enrgy: enrgy is no tag or group of acme/meter1. Did you mean energy?'),
    ]);
    // Of a name like no other nothing is known.
    expect(problemsOf('profile: other/device\nonly: [voltges]')).toHaveLength(1);
  });

  test('a file that is not there', () => {
    expect(problemsOf('profile: ./no-meter.yaml')).toEqual([
      expect.stringMatching(
        /^edge\.yaml:7:14: devices\[0]\.profile: cannot be read: no-meter\.yaml: there is no such file or folder/,
      ),
    ]);
  });

  test('every problem in its file with file, line and column, once, together with those of the settings', () => {
    const wrong = meter.replace('type: int32', 'type: nit32').replace('maxRegisters', 'maxRegister');
    expect(problemsOf('profile: ./mine.yaml\nunt: 3\ntimeoutMs: soon', wrong)).toEqual([
      'edge.yaml:8:10: devices[0].unt: is not a setting. Did you mean unit?',
      'edge.yaml:9:16: devices[0].timeoutMs: is "soon"; it must be a number',
      'mine.yaml:4:14: maxRegister: is not a setting. Did you mean maxRegisters?',
      expect.stringMatching(/^mine\.yaml:8:52: tags\[2]\.type: is "nit32"; it must be one of .*Did you mean int32\?$/),
    ]);
  });

  test('a profile that contradicts itself', () => {
    const wrong = meter
      .replace('maxRegisters: 20', 'maxRegisters: 3')
      .replace('tag: voltage.l2, group', 'tag: voltage.l1, group')
      .replace('tag: power', 'tag: voltages');
    expect(problemsOf('profile: ./mine.yaml', wrong)).toEqual([
      expect.stringMatching(/^mine\.yaml:7:12: tags\[1]\.tag: .*another tag of this profile has this id$/),
      expect.stringMatching(/^mine\.yaml:8:12: tags\[2]\.tag: .*a group of this profile has this name$/),
      expect.stringMatching(/^mine\.yaml:9:70: tags\[3]\.type: .*needs 4 registers; maxRegisters allows fewer$/),
    ]);
  });

  test('a profile that would have polls write', () => {
    const profile = meter.replace('maximum: 300 }', 'maximum: 300, exchange: page }');
    expect(problemsOf('profile: acme/meter1', profile)).toEqual([
      expect.stringContaining(
        'tags[0].exchange: is "page": is read by writing, which an installation allows, not a profile',
      ),
    ]);
    expect(problemsOf('profile: acme/meter1', `${meter}pollsMayWrite: true\n`)).toEqual([
      expect.stringContaining('pollsMayWrite'),
    ]);
  });

  test('names in only and override that the profile has not, or that do nothing', () => {
    const problems = problemsOf(`profile: acme/meter1
only: [voltage, voltage.l1, frequency]
override: { powr: { deadband: 1 }, power: { deadband: 1 } }`);
    expect(problems).toEqual([
      'edge.yaml:8:12: devices[0].only[0]: voltage is no tag or group of acme/meter1. Did you mean voltages?',
      'edge.yaml:8:33: devices[0].only[2]: frequency is no tag or group of acme/meter1; it has the groups voltages, energies; fieldline-edge profiles show lists its tags',
      'edge.yaml:9:23: devices[0].override.powr: powr is no tag or group of acme/meter1. Did you mean power?',
      'edge.yaml:9:47: devices[0].override.power: changes nothing: only leaves it out',
    ]);
  });

  test('an override that is no setting or has a wrong value, where it stands, once for a whole group', () => {
    expect(problemsOf('profile: acme/meter1\noverride: { voltages: { deadband: much, adress: 3 } }')).toEqual([
      'edge.yaml:8:39: devices[0].override.voltages.deadband: is "much"; it must be a number',
      expect.stringMatching(
        /^edge\.yaml:8:53: devices\[0]\.override\.voltages\.adress: is not a setting; here stand everyMs/,
      ),
    ]);
  });

  test('an override that a tag of the profile does not bear', () => {
    expect(problemsOf('profile: acme/meter1\noverride: { voltages: { minimum: 400 } }')).toEqual([
      expect.stringMatching(
        /^edge\.yaml:7:14: devices\[0]\.profile: acme\/meter1, tag voltage\.l1: maximum .*must not be below minimum$/,
      ),
      expect.stringMatching(
        /^edge\.yaml:7:14: devices\[0]\.profile: acme\/meter1, tag voltage\.l2: maximum .*must not be below minimum$/,
      ),
    ]);
  });

  test('own tags beside those of the profile, at their own place', () => {
    expect(problemsOf('profile: acme/meter1\ntags: [{ tag: relay, address: -5 }, { tag: power, address: 1 }]')).toEqual(
      [
        expect.stringMatching(/^edge\.yaml:8:35: devices\[0]\.tags\[0]\.address: is -5/),
        expect.stringMatching(/^edge\.yaml:8:48: devices\[0]\.tags\[1]\.tag: .*another tag of this device has this id/),
      ],
    );
    expect(problemsOf('profile: acme/meter1\ntags: all')).toEqual(['edge.yaml:8:11: devices[0].tags: must be a list']);
  });

  test('a device with neither tags nor profile', () => {
    expect(problemsOf('unit: 3')).toEqual([
      'edge.yaml:4:5: devices[0].tags: is missing: list tags, or name a profile that has them',
    ]);
  });
});

test('settings that were not loaded from a file have no tags of a profile, and say so', () => {
  const device = { device: 'm', protocol: 'modbus', link: { kind: 'tcp', host: 'h' }, profile: 'acme/meter1' };
  const parsed = edgeSchema.safeParse({ gateway: 'g', uplink: { broker: 'mqtt://h' }, devices: [device] });
  expect(parsed.error?.issues[0]).toMatchObject({ path: ['devices', 0, 'tags'] });
});
