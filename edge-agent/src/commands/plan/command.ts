import { dirname, resolve } from 'node:path';
import type { ModbusDevice } from '@fieldline/shared/config';
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import { modbusLinkName } from '@fieldline/shared/config/modbus-link';
import { problemLines } from '@fieldline/shared/config/settings-text';
import { FieldlineError } from '@fieldline/shared/contracts';
import { parseCommandArgs, refuseWords, wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import type { Answer } from '../../drivers/modbus/forecast.ts';
import { Learned } from '../../drivers/modbus/learned.ts';
import { typicalAnswerMs } from '../../drivers/modbus/request-cost.ts';
import { learnedFile, resolvePaths } from '../../resolve-paths.ts';
import type { FieldParts } from '../field-parts.ts';
import { withFoundTags } from '../found-tags.ts';
import { numberOf } from '../number-of.ts';
import { busFindings } from '../validate/bus.ts';
import { forecastOf } from './forecast.ts';
import { planLines } from './plan-text.ts';

export const usage = `Usage: fieldline-edge plan --config FILE [--json] [--answer-ms MS]

Says what the agent will ask of its devices, how busy that keeps their links, and how much becomes of it. Nothing is sent.
A serial line that is taken for more than 80 % of its time is a warning, for more than 100 % an error (exit code 1).

  --config FILE   the settings file
  --json          for programs
  --answer-ms MS  what the devices of serial lines take to answer; unless it is stated, what an agent with these settings has
                  measured on this machine, and ${typicalAnswerMs} where there is nothing
`;

const options = {
  config: { type: 'string' },
  json: { type: 'boolean' },
  'answer-ms': { type: 'string' },
  help: { type: 'boolean' },
} as const;

/** @throws FieldlineError arguments/invalid, settings/… */
export async function run({
  args,
  readSettings,
  say,
}: Pick<FieldParts, 'args' | 'readSettings' | 'say'>): Promise<void> {
  const { values, positionals } = parseCommandArgs(args, usage, options);
  if (values.help === true) {
    say(usage.trimEnd());
    return;
  }
  refuseWords(positionals, '--config edge.yaml', usage);
  if (values.config === undefined) throw wrongArguments('--config is missing', usage);
  const stated = values['answer-ms'];
  const statedMs = stated === undefined ? null : numberOf(stated, '--answer-ms', 60_000, usage);
  const { config, problemAt } = await readSettings(values.config);
  const learned = statedMs === null ? readLearned(values.config, config) : null;
  const forecast = forecastOf(
    config,
    withFoundTags(values.config, config),
    answerOf(statedMs, learned?.known ?? new Learned()),
  );
  const { problems, warnings } = busFindings(config, forecast.links);
  const lines = (issues: typeof problems): string[] => problemLines(values.config ?? '', issues.map(problemAt));
  if (values.json === true) {
    say(JSON.stringify({ ...forecast, problems: lines(problems), warnings: lines(warnings) }, null, 2));
  } else {
    for (const line of planLines(forecast)) say(line);
    for (const line of lines(warnings)) say(`warning: ${line}`);
    if (learned !== null && learned.trouble !== null) say(`warning: ${learned.trouble}`);
  }
  if (problems.length > 0) throw new FieldlineError('settings/invalid', lines(problems).join('\n'));
}

/** A file that cannot be read is no reason not to plan. */
function readLearned(file: string, config: EdgeConfig): { readonly known: Learned; readonly trouble: string | null } {
  const path = learnedFile(resolvePaths(config, dirname(resolve(file))));
  try {
    return { known: Learned.read(path), trouble: null };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { known: new Learned(), trouble: `${path}: what was measured cannot be read: ${reason}` };
  }
}

const answerOf =
  (statedMs: number | null, learned: Learned) =>
  ({ link, unit }: ModbusDevice): Answer => {
    if (statedMs !== null) return { ms: statedMs, from: 'stated' };
    const measuredMs = learned.answerMsOf(modbusLinkName(link), unit);
    return measuredMs === null ? { ms: typicalAnswerMs, from: 'assumed' } : { ms: measuredMs, from: 'measured' };
  };
