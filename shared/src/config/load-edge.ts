/** Reads the agent's settings: profiles of devices are put in before the whole is checked. */
import { dirname } from 'node:path';
import { type Applied, applyProfile } from './apply-profile.ts';
import type { IssueText } from './describe-issue.ts';
import { type EdgeConfig, edgeSchema } from './edge.ts';
import { fieldsOf, isWritten, listOf } from './loose-data.ts';
import { loadProfile, type ProfileResult } from './profile-files.ts';
import { type ConfigProblem, deepFreeze, invalid, issuesOf, parseText, readText } from './settings-text.ts';

/** What became of one device: nothing where it names no profile. `applied`: where its profile is known, or can be guessed. */
type Outcome = { readonly applied: Applied | null; readonly issues: readonly IssueText[] } | null;

/**
 * `profilesFolder`: that of the shipped profiles. What is given has every tag in its place and names no profile.
 * @throws FieldlineError settings/unreadable, settings/invalid: with the problems of the file and of its profiles' files
 */
export function loadEdgeConfig(file: string, profilesFolder: string): EdgeConfig {
  return readEdgeConfig(file, profilesFolder).config;
}

/** `problemAt`: where in the file stands what somebody finds in the settings later. */
export type PlacedEdge = { readonly config: EdgeConfig; readonly problemAt: (issue: IssueText) => ConfigProblem };

/** @throws FieldlineError settings/unreadable, settings/invalid */
export function readEdgeConfig(file: string, profilesFolder: string): PlacedEdge {
  return checkText(readText(file), file, profilesFolder);
}

/** @throws FieldlineError settings/invalid */
export function parseEdgeConfig(text: string, file: string, profilesFolder: string): EdgeConfig {
  return checkText(text, file, profilesFolder).config;
}

function checkText(text: string, file: string, profilesFolder: string): PlacedEdge {
  const read = parseText(text, file);
  if (read.problems !== null) throw invalid(file, read.problems);
  const { data, doubled, problemAt } = read.data;
  const inFiles: ConfigProblem[] = [];
  const load = remembered((name) => {
    const result = loadProfile(name, { shippedFolder: profilesFolder, settingsFolder: dirname(file) });
    if ('problems' in result) inFiles.push(...result.problems);
    return result;
  });
  const devices = listOf(fieldsOf(data).devices);
  const outcomes = devices.map((device) => outcomeOf(device, load));
  const whole = outcomes.some(applied)
    ? { ...fieldsOf(data), devices: devices.map((device, index) => applied(outcomes[index])?.device ?? device) }
    : data;
  const checked = issuesOf(edgeSchema, whole);
  const issues = [
    ...outcomes.flatMap((outcome, index) => issuesIn(outcome).map((issue) => within(index, issue))),
    ...(checked.issues ?? []).flatMap((issue) => toWritten(issue, outcomes)),
  ];
  if (checked.issues === null && issues.length === 0 && doubled.length === 0) {
    const placed = (issue: IssueText): ConfigProblem => problemAt(toWritten(issue, outcomes)[0] ?? issue);
    return { config: deepFreeze(checked.data), problemAt: placed };
  }
  throw invalid(file, [...doubled, ...withoutRepeats(issues.map(problemAt)), ...inFiles]);
}

function outcomeOf(device: unknown, load: (name: string) => ProfileResult): Outcome {
  if (!isWritten(device) || typeof device.profile !== 'string' || device.protocol !== 'modbus') return null;
  const result = load(device.profile);
  if ('profile' in result) return { applied: applyProfile(device, result.profile), issues: [] };
  if (!('missing' in result)) return { applied: null, issues: [] };
  const issues = [{ path: ['profile'], message: result.missing }];
  return { applied: result.meant === null ? null : applyProfile(device, result.meant), issues };
}

const applied = (outcome: Outcome | undefined): Applied | null => outcome?.applied ?? null;

const issuesIn = (outcome: Outcome): readonly IssueText[] => [
  ...(outcome?.issues ?? []),
  ...(outcome?.applied?.issues ?? []),
];

const within = (index: number, { path, message }: IssueText): IssueText => ({
  path: ['devices', index, ...path],
  message,
});

/** A device that names a profile has no tags where it has none of its profile: why not is told already. */
function toWritten(issue: IssueText, outcomes: readonly Outcome[]): IssueText[] {
  const [list, index, ...path] = issue.path;
  const outcome = list === 'devices' && typeof index === 'number' ? outcomes[index] : null;
  if (outcome === null || outcome === undefined || typeof index !== 'number') return [issue];
  if (path.length === 1 && path[0] === 'tags') return [];
  if (outcome.applied === null) return [issue];
  return [within(index, outcome.applied.toWritten({ path, message: issue.message }))];
}

/** A value of an override is checked where it stands and in every tag that it goes to. */
function withoutRepeats(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const rows = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  return [...rows.values()];
}

function remembered(load: (name: string) => ProfileResult): (name: string) => ProfileResult {
  const known = new Map<string, ProfileResult>();
  return (name) => {
    const result = known.get(name) ?? load(name);
    known.set(name, result);
    return result;
  };
}
