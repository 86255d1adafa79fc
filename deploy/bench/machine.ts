import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';

/** What the figures were measured on, in one line. */
export function machine(): string {
  const gigabytes = Math.round(totalmem() / 1024 ** 3);
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${availableParallelism()} cores (${model}), ${gigabytes} GiB, ${platform()} ${release()} ${arch()}, Node ${process.version}`;
}

/** Others at work on the machine make every figure worse: those before the run are told with it. */
export const load = (): string =>
  loadavg()
    .map((value) => value.toFixed(2))
    .join(' ');

export type Usage = {
  /** User and system time since the start of the process, those of children it has waited for included. */
  readonly cpuSeconds: number;
  /** Resident. */
  readonly residentBytes: number;
  /** Resident, less what the program file and libraries take: pages that all Node processes of a machine share. */
  readonly privateBytes: number;
};

const ticksPerSecond = 100;

/** Linux only. Zero for a process that is gone. */
export function usageOf(pid: number): Usage {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in brackets, and may have spaces in it; the third is the first of `fields`.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + (fields[index] ?? 0), 0);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    return {
      cpuSeconds: ticks / ticksPerSecond,
      residentBytes: kilobytes('VmRSS') * 1024,
      privateBytes: kilobytes('RssAnon') * 1024,
    };
  } catch {
    return { cpuSeconds: 0, residentBytes: 0, privateBytes: 0 };
  }
}

export type ProcessName = string;
type Child = { readonly pid: number; readonly command: string };

/** All descendants of a process, itself left out. */
function descendants(pid: number): Child[] {
  return childrenOf(pid).flatMap((child) => [{ pid: child, command: commandOf(child) }, ...descendants(child)]);
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** CPU and memory of this process's children, summed over those whose command line has the same part of `names` in it. */
export function usageOfChildren(names: Readonly<Record<ProcessName, string>>): ReadonlyMap<ProcessName, Usage> {
  const sums = new Map<ProcessName, Usage>();
  for (const { pid, command } of descendants(process.pid)) {
    const name = Object.keys(names).find((key) => command.includes(names[key] ?? ''));
    if (name === undefined) continue;
    const usage = usageOf(pid);
    const sum = sums.get(name) ?? { cpuSeconds: 0, residentBytes: 0, privateBytes: 0 };
    sums.set(name, {
      cpuSeconds: sum.cpuSeconds + usage.cpuSeconds,
      residentBytes: sum.residentBytes + usage.residentBytes,
      privateBytes: sum.privateBytes + usage.privateBytes,
    });
  }
  return sums;
}
