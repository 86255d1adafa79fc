import { problemLines } from '@fieldline/shared/config/settings-text';
import { FieldlineError } from '@fieldline/shared/contracts';
import { parseCommandArgs, refuseWords, wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import { typicalAnswerMs } from '../../drivers/modbus/request-cost.ts';
import type { FieldParts } from '../field-parts.ts';
import { numberOf } from '../number-of.ts';
import { busFindings } from '../validate/bus.ts';
import { forecastOf } from './forecast.ts';
import { planLines } from './plan-text.ts';

export const usage = `Usage: fieldline-edge plan --config FILE [--json] [--answer-ms MS]

Says what the agent will ask of its devices, how busy that keeps their links, and how much becomes of it. Nothing is sent.
A serial line that is taken for more than 80 % of its time is a warning, for more than 100 % an error (exit code 1).

  --config FILE   the settings file
  --json          for programs
  --answer-ms MS  what the devices of serial lines take to answer: ${typicalAnswerMs} unless it is stated
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
  const answerMs = numberOf(values['answer-ms'] ?? String(typicalAnswerMs), '--answer-ms', 60_000, usage);
  const { config, problemAt } = await readSettings(values.config);
  const forecast = forecastOf(config, answerMs);
  const { problems, warnings } = busFindings(config, forecast.links);
  const lines = (issues: typeof problems): string[] => problemLines(values.config ?? '', issues.map(problemAt));
  if (values.json === true) {
    say(JSON.stringify({ ...forecast, problems: lines(problems), warnings: lines(warnings) }, null, 2));
  } else {
    for (const line of planLines(forecast)) say(line);
    for (const line of lines(warnings)) say(`warning: ${line}`);
  }
  if (problems.length > 0) throw new FieldlineError('settings/invalid', lines(problems).join('\n'));
}
