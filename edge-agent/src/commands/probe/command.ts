import { mostFiles, mostRecords, recordPosition, recordsPerFile, stretchesText } from '@fieldline/shared/config';
import { pause } from '@fieldline/shared/runtime';
import { parseCommandArgs, refuseWords, wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import { HandLink } from '../../drivers/modbus/by-hand.ts';
import { replyError } from '../../drivers/modbus/reply-text.ts';
import { columns } from '../columns.ts';
import type { FieldParts } from '../field-parts.ts';
import { numberOf } from '../number-of.ts';
import { valueText, wordsText } from '../read/read.ts';
import { linkOf, targetOptions, targetUsage } from '../target.ts';
import type { Ranked } from './plausibility.ts';
import { probe } from './probe.ts';
import { signedTwin } from './readings.ts';

export const usage = `Usage: fieldline-edge probe --host HOST [--unit UNIT] --address ADDRESS --count N [--table holding|input]
                            [--top N] [--pause-ms MS] [--timeout-ms MS]
       fieldline-edge probe --host HOST [--unit UNIT] --file FILE --record RECORD --count N …

Reads a block of registers twice and shows what they may mean: for each register the most plausible readings that begin there,
of all types, byte orders and places, and tag lines for the likeliest map of the block. What it cannot know is the scale.

${targetUsage}
  --unit UNIT     1 unless it is stated
  --address N     of the first register, counted from 0; --count N: how many, up to 125
  --file N, --record N  a block of the records of a file in place of registers, up to 121
  --table TABLE   holding unless it is stated
  --top N         readings shown for each register: 3 unless it is stated
  --pause-ms MS   between the two times: 2000 unless it is stated. Counters rise meanwhile, wrong byte orders jump
  --timeout-ms MS 3000 unless it is stated
`;

const text = { type: 'string' } as const;
const options = {
  ...targetOptions,
  unit: text,
  address: text,
  file: text,
  record: text,
  count: text,
  table: text,
  top: text,
  'pause-ms': text,
  'timeout-ms': text,
  help: { type: 'boolean' },
} as const;
type Values = ReturnType<typeof parseCommandArgs<typeof options>>['values'];

/** @throws FieldlineError arguments/invalid, settings/invalid, device/… */
export async function run({ args, clock, signal, say }: FieldParts): Promise<void> {
  const { values, positionals } = parseCommandArgs(args, usage, options);
  if (values.help === true) {
    say(usage.trimEnd());
    return;
  }
  refuseWords(positionals, '--host 10.0.0.5', usage);
  const { block, unit, timeoutMs, top, pauseMs, link: settings } = asked(values);
  const link = new HandLink(settings, clock, signal);
  const read = async (): Promise<Buffer> => {
    const { table, first, count } = block;
    const stretches = [{ first, count }];
    const { reply } = await link.read(
      table === 'file' ? { unit, timeoutMs, stretches } : { unit, timeoutMs, table, first, count },
    );
    if (reply.kind === 'data') return reply.data;
    throw replyError(reply, `unit ${unit} on ${link.name}`);
  };
  try {
    const before = await read();
    if (!(await pause(pauseMs, signal))) return;
    const after = await read();
    const { ranked, cover } = probe(block.table, before, after, clock.now());
    say(`${stretchesText(block.table, [block], 0)} of unit ${unit} on ${link.name}, read twice within ${pauseMs} ms`);
    for (const line of rankedLines(ranked, block, after, top)) say(line);
    say('');
    say('tags:');
    for (const reading of cover) say(tagLine(reading, block));
  } finally {
    await link.close();
  }
}

/** `stated`: the number that the technician gave its first register or record. */
type Block = {
  readonly table: 'holding' | 'input' | 'file';
  readonly first: number;
  readonly count: number;
  readonly stated: number;
  readonly file: number | null;
};

function asked(values: Values) {
  const number = (
    name: 'address' | 'file' | 'record' | 'count' | 'unit' | 'top' | 'pause-ms' | 'timeout-ms',
    most: number,
    least = 0,
    otherwise?: string,
  ): number => {
    const word = values[name] ?? otherwise;
    if (word === undefined) throw wrongArguments(`--${name} is missing`, usage);
    return numberOf(word, `--${name}`, most, usage, least);
  };
  const registers = (): Block => {
    const stated = number('address', 65_535);
    const count = number('count', 125, 1);
    if (stated + count > 65_536)
      throw wrongArguments(`--count is ${count}; the last register of a device is 65535`, usage);
    return { table: tableOf(values.table), first: stated, count, stated, file: null };
  };
  const records = (): Block => {
    const file = number('file', mostFiles, 1);
    const stated = number('record', recordsPerFile - 1);
    const count = number('count', mostRecords, 1);
    if (stated + count > recordsPerFile)
      throw wrongArguments(`--count is ${count}; the last record of a file is ${recordsPerFile - 1}`, usage);
    return { table: 'file', first: recordPosition(file, stated), count, stated, file };
  };
  return {
    block: values.file === undefined ? registers() : records(),
    unit: number('unit', 255, 0, '1'),
    timeoutMs: number('timeout-ms', 60_000, 1, '3000'),
    link: linkOf(values, usage),
    top: number('top', 1_000, 1, '3'),
    pauseMs: number('pause-ms', 600_000, 0, '2000'),
  };
}

function tableOf(table = 'holding'): 'holding' | 'input' {
  if (table === 'holding' || table === 'input') return table;
  throw wrongArguments(`--table is ${table}; it must be holding or input: in the others a bit is a bit`, usage);
}

function rankedLines(ranked: readonly Ranked[], { stated, count }: Block, after: Buffer, top: number): string[] {
  const rows = Array.from({ length: count }, (_, at) => {
    const best = ranked.filter((reading) => reading.at === at && reading.points > 0).slice(0, top);
    const word = wordsText(after.subarray(at * 2, at * 2 + 2));
    if (best.length === 0) return [[`${stated + at}`, word]];
    return best.map((reading, index) => [
      index === 0 ? `${stated + at}` : '',
      index === 0 ? word : '',
      String(reading.points).padStart(3),
      shapeText(reading),
      changeText(reading),
      reading.because.join('; '),
    ]);
  }).flat();
  return columns([['ADDRESS', 'HEX', 'POINTS', 'READ AS', 'VALUE', 'BECAUSE'], ...rows]);
}

function shapeText(reading: Ranked): string {
  const { type, byteOrder, registers, timeForm } = reading.shape;
  const twin = signedTwin(reading);
  const size = registers === undefined ? '' : ` × ${registers}`;
  const name = twin === null ? type : `${type} or ${twin}`;
  return [name, timeForm, byteOrder].filter((word) => word !== undefined).join(' ') + size;
}

function changeText({ before, after, shape }: Ranked): string {
  const isTime = shape.type === 'time';
  if (before === after) return valueText(after, isTime);
  return `${valueText(before, isTime)} → ${valueText(after, isTime)}`;
}

/** As it stands in the settings of a device that counts from 0. */
export function tagLine({ at, shape }: Ranked, { table, stated, file }: Block): string {
  const number = stated + at;
  const fields = [
    `tag: r${number}`,
    ...(table === 'input' ? [`table: ${table}`] : []),
    ...(file === null ? [`address: ${number}`] : [`file: ${file}`, `record: ${number}`]),
    ...Object.entries(shape).map(([key, value]) => `${key}: ${value}`),
  ];
  return `  - { ${fields.join(', ')} }`;
}
