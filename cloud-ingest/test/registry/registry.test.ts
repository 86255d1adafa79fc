import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@fieldline/shared/runtime';
import { requirePostgres, temporaryFolder } from '@fieldline/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isoOf } from '../../src/instant.ts';
import { Gateway, goodSample, type Line, openLine, type Sent, tagOf } from '../processor/line.ts';
import { birthOf, registry } from './parts.ts';

const hour = 3_600_000_000;

let line: Line;
beforeAll(async () => {
  line = await openLine(await requirePostgres());
  await line.start();
});
afterAll(() => line.close());

const newName = (): string => `gw-${randomUUID().slice(0, 8)}`;

/** Value and quality of the rows of a gateway, in the order of their times. */
async function rowsOf(gateway: string): Promise<[tag: string, value: number | null, quality: number][]> {
  const rows = await line.query<{ tag: string; value: number | null; quality: number }>(
    'SELECT tag, value, quality FROM sample JOIN series USING (series_id) WHERE gateway = $1 ORDER BY time, tag',
    [gateway],
  );
  return rows.map(({ tag, value, quality }) => [tag, value, quality]);
}

async function seriesOf(gateway: string, tag = 'level') {
  const [row] = await line.query(
    `SELECT unit, description, minimum, maximum, scale, value_offset AS "offset", described, type,
       (SELECT count(*)::int FROM series_version WHERE series_id = series.series_id) AS versions
     FROM series WHERE gateway = $1 AND tag = $2`,
    [gateway, tag],
  );
  return row;
}

async function send(...records: readonly Sent[]): Promise<void> {
  await line.send(...records);
  await line.settled();
}

describe('the registry', () => {
  test('is filled from births, and keeps each that says something new', async () => {
    const gateway = newName();
    const now = systemClock.now();
    const first = birthOf(
      gateway,
      [{ tag: 'level', unit: 'm', minimum: 0, maximum: 5, description: 'tank' }],
      'plc1',
      now - 2 * hour,
    );
    await send(first, { ...first, receivedAt: now - hour });
    expect(await seriesOf(gateway)).toMatchObject({
      unit: 'm',
      minimum: 0,
      maximum: 5,
      description: 'tank',
      described: true,
      versions: 1,
    });
    await send(birthOf(gateway, [{ tag: 'level', unit: 'cm', type: 'int32' }], 'plc1', now));
    expect(await seriesOf(gateway)).toMatchObject({
      unit: 'cm',
      minimum: null,
      description: null,
      type: 'int32',
      versions: 2,
    });
    const history = await registry(line, 'history', `${gateway}/plc1/level`);
    expect(history).toEqual([
      `${gateway}/plc1/level: what was stated, and when`,
      expect.stringMatching(
        /^ {2}\S+Z {2}gateway {2}from the beginning {14}\s*type float64, unit m, description tank, minimum 0, maximum 5$/,
      ),
      expect.stringMatching(new RegExp(`gateway  from ${isoOf(now)}  type int32, unit cm$`)),
      'what holds',
      expect.stringMatching(
        /^ {2}from the beginning\s+unit m, description tank, scale 1, offset 0, minimum 0, maximum 5$/,
      ),
      `  from ${isoOf(now)}  unit cm, scale 1, offset 0`,
    ]);
  });

  test('makes samples outside of the announced limits uncertain, from the first on', async () => {
    const gateway = new Gateway(newName());
    const now = systemClock.now();
    const level = tagOf('level');
    await send(
      birthOf(gateway.gateway, [{ tag: 'level', minimum: 0, maximum: 5 }]),
      gateway.batch([
        goodSample(level, 5, now - hour),
        goodSample(level, 5.1, now - hour + 1),
        goodSample(level, -0.1, now),
      ]),
    );
    expect(await rowsOf(gateway.gateway)).toEqual([
      ['level', 5, 0],
      ['level', 5.1, 103],
      ['level', -0.1, 103],
    ]);
  });

  test('stores what nobody announced, and shows it as unknown until somebody describes it', async () => {
    const gateway = new Gateway(newName());
    const unknown = () => registry(line, 'list', '--gateway', gateway.gateway, '--unknown');
    await send(gateway.batch([goodSample(tagOf('level'), 1), goodSample(tagOf('flow'), 2, systemClock.now() + 1)]));
    expect(await rowsOf(gateway.gateway)).toEqual([
      ['level', 1, 0],
      ['flow', 2, 0],
    ]);
    expect((await unknown()).slice(1)).toEqual([
      expect.stringMatching(`^${gateway.gateway}/plc1/flow .*unknown`),
      expect.stringMatching(`^${gateway.gateway}/plc1/level .*unknown`),
    ]);
    await send(birthOf(gateway.gateway, [{ tag: 'level' }]));
    await registry(line, 'set', `${gateway.gateway}/plc1/flow`, '--unit', 'm³/h');
    expect(await unknown()).toEqual([]);
  });

  test('holds what an operator set against every birth, until he releases it', async () => {
    const gateway = newName();
    const name = `${gateway}/plc1/level`;
    await send(birthOf(gateway, [{ tag: 'level', unit: 'm', maximum: 5 }]));
    await registry(line, 'set', name, '--unit', 'mm', '--maximum', 'none', '--scale', '1000', '--note', 'calibrated');
    await send(birthOf(gateway, [{ tag: 'level', unit: 'cm', maximum: 6, description: 'new' }]));
    expect(await seriesOf(gateway)).toMatchObject({ unit: 'mm', maximum: null, scale: 1000, description: 'new' });
    expect(await registry(line, 'show', name)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^ {2}unit +mm +set by an operator$/),
        expect.stringMatching(/^ {2}description +new$/),
      ]),
    );
    await registry(line, 'set', name, '--release', 'unit', '--release', 'maximum');
    expect(await seriesOf(gateway)).toMatchObject({ unit: 'cm', maximum: 6, scale: 1000 });
    expect((await registry(line, 'history', name)).join('\n')).toMatch(
      /operator .*unit mm, scale 1000, maximum none {2}\(calibrated\)\n.*\n.*unit as the gateway says/,
    );
  });

  test('applies a scale to samples from the instant on, by the time of each and not of its arrival', async () => {
    const gateway = new Gateway(newName());
    const now = systemClock.now();
    const level = tagOf('level', 'int16');
    await send(gateway.batch([goodSample(level, 10, now - 3 * hour)]));
    const said = await registry(
      line,
      'set',
      `${gateway.gateway}/plc1/level`,
      '--scale',
      '0.5',
      '--offset=-1',
      '--from',
      isoOf(now - 2 * hour),
    );
    expect(said.join('\n')).not.toContain('replay');
    await send(
      gateway.batch([
        goodSample(level, 10, now),
        goodSample(level, 10, now - 2 * hour - 1),
        goodSample(level, 10, now - 2 * hour),
      ]),
    );
    expect((await rowsOf(gateway.gateway)).map(([, value]) => value)).toEqual([10, 10, 4, 4]);
    const [latest] = await line.query('SELECT value FROM latest JOIN series USING (series_id) WHERE gateway = $1', [
      gateway.gateway,
    ]);
    expect(latest).toEqual({ value: 4 });
  });

  test('names the command that repairs the rows stored before an edit of the past, with the exact range', async () => {
    const gateway = new Gateway(newName());
    const now = systemClock.now();
    await send(gateway.batch([goodSample(tagOf('level'), 1, now - 2 * hour), goodSample(tagOf('level'), 1, now)]));
    const name = `${gateway.gateway}/plc1/level`;
    const from = isoOf(now - hour);
    const command = `  fieldline-ingest replay --config ingest.yaml --from ${from} --to ${isoOf(now + 1)} --gateway ${gateway.gateway} --device plc1`;
    expect(await registry(line, 'set', name, '--scale', '2', '--from', from, '--dry-run')).toContain(command);
    expect(await seriesOf(gateway.gateway)).toMatchObject({ scale: 1 });
    expect(await registry(line, 'set', name, '--scale', '2', '--from', from)).toContain(command);
    expect((await registry(line, 'set', name, '--unit', 'm', '--from', from)).join('\n')).not.toContain('replay');
    expect((await registry(line, 'set', name, '--scale', '2', '--from', from)).join('\n')).toContain(
      '0 tags changed; of 1 it holds already',
    );
  });

  test('refuses an edit that cannot be right, and says what would be', async () => {
    const gateway = new Gateway(newName());
    await send(
      birthOf(gateway.gateway, [
        { tag: 'level', maximum: 5 },
        { tag: 'run', type: 'bool' },
      ]),
      gateway.batch([goodSample(tagOf('mode', 'string'), 'auto')]),
    );
    const set = (tag: string, ...args: string[]) => registry(line, 'set', `${gateway.gateway}/plc1/${tag}`, ...args);
    await expect(set('level', '--minimum', '6')).rejects.toThrow('a minimum of 6 and a maximum of 5: set both');
    await expect(set('run', '--scale', '2')).rejects.toThrow('scale goes with numbers only');
    await expect(set('mode', '--maximum', '2')).rejects.toThrow('of type string');
    await expect(set('levle', '--unit', 'm')).rejects.toThrow(`did you mean ${gateway.gateway}/plc1/level?`);
    await expect(set('level', '--scale', '0')).rejects.toThrow('leaves nothing of the value');
    await expect(set('level', '--scale', '0,1')).rejects.toThrow('write 0.1, with a point');
    await expect(set('level', '--unit', 'm', '--from', '2100-01-01')).rejects.toThrow('lies ahead');
    await expect(set('level', '--unit', 'm', '--from', 'yesterday')).rejects.toThrow('an instant such as');
    await expect(set('level')).rejects.toThrow('nothing to set');
    await expect(registry(line, 'show', `${gateway.gateway}/plc/levle`)).rejects.toMatchObject({
      code: 'arguments/unknown',
      message: `no tag ${gateway.gateway}/plc/levle has been announced or sent: did you mean ${gateway.gateway}/plc1/level?`,
    });
    await expect(registry(line, 'history', 'nowhere/plc1/level')).rejects.toThrow(
      'no tag nowhere/plc1/level has been announced or sent: `fieldline-ingest registry --config ingest.yaml list` lists those that have',
    );
    await expect(registry(line, 'sat')).rejects.toThrow('which of list, show, history, set, import, export?');
    expect(await seriesOf(gateway.gateway)).toMatchObject({ versions: 1 });
  });

  describe('as a file', () => {
    const write = (...lines: string[]): string => {
      const file = join(temporaryFolder(), 'tags.csv');
      writeFileSync(file, lines.join('\r\n'));
      return file;
    };

    test('comes back as it went, and changes nothing then; a birth still rules what nobody set', async () => {
      const gateway = newName();
      await send(
        birthOf(gateway, [
          { tag: 'level', unit: 'm', maximum: 5, description: 'tank 1, "north"' },
          { tag: 'flow' },
          { tag: 'firmware', type: 'string' },
        ]),
      );
      await registry(line, 'set', `${gateway}/plc1/flow`, '--scale', '0.1');
      const file = join(temporaryFolder(), 'out.csv');
      expect(await registry(line, 'export', file, '--gateway', gateway)).toEqual([`${file}: 3 tags`]);
      expect(readFileSync(file, 'utf8')).toBe(
        `gateway,device,tag,type,unit,description,scale,offset,minimum,maximum\n${gateway},plc1,firmware,string,,,,,,\n${gateway},plc1,flow,float64,,,0.1,0,,\n${gateway},plc1,level,float64,m,"tank 1, ""north""",1,0,,5\n`,
      );
      expect(await registry(line, 'import', file)).toEqual(['0 tags changed; of 3 it holds already']);
      await send(birthOf(gateway, [{ tag: 'level', unit: 'cm' }, { tag: 'flow' }]));
      expect(await seriesOf(gateway)).toMatchObject({ unit: 'cm', versions: 2 });
    });

    test('changes many tags at once, or none when a line is wrong: all wrong lines are listed with their places', async () => {
      const gateway = newName();
      const tags = Array.from({ length: 50 }, (_, n) => ({ tag: `t${n}` }));
      await send(birthOf(gateway, [...tags, { tag: 'run', type: 'bool' }]));
      const good = tags.map(({ tag }, n) => `${gateway};plc1;${tag};${n + 1};°C`);
      const bad = write(
        'gateway;device;tag;scale;unit',
        ...good,
        `${gateway};plc1;nowhere;1;`,
        `${gateway};plc1;run;2;`,
        `${gateway};plc1;t1;0,5;x`,
        `${gateway};plc1;t2`,
        `${gateway};plc1;t3;4;`,
      );
      const wrong = await registry(line, 'import', bad).catch((error: Error) => error.message);
      expect(wrong).toBe(
        [
          '5 problems, nothing was changed:',
          `  ${bad}:52:1: no tag ${gateway}/plc1/nowhere has been announced or sent`,
          `  ${bad}:53:${gateway.length + 11}: scale goes with numbers only, and ${gateway}/plc1/run is of type bool`,
          `  ${bad}:54:${gateway.length + 10}: scale is "0,5", not a number: write 0.5, with a point`,
          `  ${bad}:55:1: has 3 cells; the first line has 5`,
          `  ${bad}:56:1: ${gateway}/plc1/t3 stands in line 5 already; remove one of the two`,
        ].join('\n'),
      );
      expect(await seriesOf(gateway, 't4')).toMatchObject({ scale: 1 });
      const file = write('gateway;device;tag;scale;unit', ...good);
      expect(await registry(line, 'import', file, '--dry-run')).toEqual([
        '50 tags would be changed; nothing was written',
      ]);
      expect(await seriesOf(gateway, 't4')).toMatchObject({ scale: 1 });
      expect(await registry(line, 'import', file)).toEqual(['50 tags changed']);
      expect(await seriesOf(gateway, 't4')).toMatchObject({ scale: 5, unit: '°C' });
    });
  });
});
