/** Serial lines that are asked for more than they can carry. */
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import { type LinkForecast, loadOf } from '../../drivers/modbus/forecast.ts';
import type { Findings, Issue } from './findings.ts';

/** Above this share of the time little is left for retries, and for what somebody adds. */
const busyFrom = 0.8;
const full = 1;

export function busFindings({ devices }: Pick<EdgeConfig, 'devices'>, links: readonly LinkForecast[]): Findings {
  const problems: Issue[] = [];
  const warnings: Issue[] = [];
  for (const link of links) {
    if (link.load === null || link.load <= busyFrom) continue;
    const shares = [...Map.groupBy(link.requests, ({ device }) => device)]
      .map(([device, requests]) => ({ device, load: loadOf(requests) }))
      .sort((one, other) => other.load - one.load);
    const index = devices.findIndex(({ device }) => device === shares[0]?.device);
    const message = `${link.link} at ${link.baudRate} baud would be taken for ${percentOf(link.load)} of the time, most of it by ${shares
      .slice(0, 3)
      .map(({ device, load }) => `${device} (${percentOf(load)})`)
      .join(', ')}${link.load > full ? ': it cannot be read that often' : ''}. ${remedy(link)}`;
    (link.load > full ? problems : warnings).push({ path: ['devices', index, 'everyMs'], message });
  }
  return { problems, warnings };
}

/** All periods longer by what is too much leaves the line as busy as it may be. */
const remedy = ({ load }: LinkForecast): string =>
  `Multiply everyMs by ${Math.ceil(((load ?? 0) / busyFrom) * 10) / 10}, raise the baud rate, or read fewer tags (fieldline-edge plan)`;

const percentOf = (share: number): string => `${Math.round(share * 100)} %`;
