import type { ModbusTable } from '@fieldline/shared/config';
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

Reads a block of registers twice and shows what they may mean: for each register the most plausible readings that begin there,
of all types, byte orders and places, and tag lines for the likeliest map of the block. What it cannot know is the scale.

${targetUsage}
  --unit UNIT     1 unless it is stated
  --address N     of the first register, counted from 0; --count N: how many, up to 125
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
  const { request, top, pauseMs, link: settings } = asked(values);
  const link = new HandLink(settings, clock, signal);
  const read = async (): Promise<Buffer> => {
    const { reply } = await link.read(request);
    if (reply.kind === 'data') return reply.data;
    throw replyError(reply, `unit ${request.unit} on ${link.name}`);
  };
  try {
    const before = await read();
    if (!(await pause(pauseMs, signal))) return;
    const after = await read();
    const { ranked, cover } = probe(request.table, before, after, clock.now());
    say(
      `${request.table} ${request.first}–${request.first + request.count - 1} of unit ${request.unit} on ${link.name}, read twice within ${pauseMs} ms`,
    );
    for (const line of rankedLines(ranked, request, after, top)) say(line);
    say('');
    say('tags:');
    for (const reading of cover) say(tagLine(reading, request));
  } finally {
    await link.close();
  }
}

type Block = { readonly first: number; readonly count: number; readonly table: ModbusTable };

function asked(values: Values) {
  const number = (
    name: 'address' | 'count' | 'unit' | 'top' | 'pause-ms' | 'timeout-ms',
    most: number,
    least = 0,
    otherwise?: string,
  ): number => {
    const word = values[name] ?? otherwise;
    if (word === undefined) throw wrongArguments(`--${name} is missing`, usage);
    return numberOf(word, `--${name}`, most, usage, least);
  };
  const first = number('address', 65_535);
  const count = number('count', 125, 1);
  if (first + count > 65_536)
    throw wrongArguments(`--count is ${count}; the last register of a device is 65535`, usage);
  const timeoutMs = number('timeout-ms', 60_000, 1, '3000');
  const request = { unit: number('unit', 255, 0, '1'), table: tableOf(values.table), first, count, timeoutMs };
  return {
    request,
    link: linkOf(values, usage),
    top: number('top', 1_000, 1, '3'),
    pauseMs: number('pause-ms', 600_000, 0, '2000'),
  };
}

function tableOf(table = 'holding'): 'holding' | 'input' {
  if (table === 'holding' || table === 'input') return table;
  throw wrongArguments(`--table is ${table}; it must be holding or input: in the others a bit is a bit`, usage);
}

function rankedLines(ranked: readonly Ranked[], { first, count }: Block, after: Buffer, top: number): string[] {
  const rows = Array.from({ length: count }, (_, at) => {
    const best = ranked.filter((reading) => reading.at === at && reading.points > 0).slice(0, top);
    const word = wordsText(after.subarray(at * 2, at * 2 + 2));
    if (best.length === 0) return [[`${first + at}`, word]];
    return best.map((reading, index) => [
      index === 0 ? `${first + at}` : '',
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
export function tagLine({ at, shape }: Ranked, { first, table }: Block): string {
  const fields = [
    `tag: r${first + at}`,
    ...(table === 'holding' ? [] : [`table: ${table}`]),
    `address: ${first + at}`,
    ...Object.entries(shape).map(([key, value]) => `${key}: ${value}`),
  ];
  return `  - { ${fields.join(', ')} }`;
}
