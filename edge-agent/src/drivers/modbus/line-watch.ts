/**
 * Watches the serial lines by what their units take to answer: how busy they are kept, whether they are asked for more than they can
 * carry, and whether another plan would keep them less busy. What was learned is kept for the next start.
 */
import { isSerialLink } from '@fieldline/shared/config/modbus-link';
import type { Log } from '@fieldline/shared/runtime';
import type { PollRequest } from '../driver.ts';
import type { DeviceReading } from './device-reading.ts';
import type { Learned, LearnedUnit } from './learned.ts';
import type { ModbusMetrics } from './metrics.ts';

const checkEveryMs = 60_000;
/** A line that is asked for more than all of its time has less again before it is told once more. */
const overload = 1;
const noOverload = 0.95;

export type LineWatchParts = {
  readonly log: Log;
  readonly metrics: ModbusMetrics;
  readonly learned: Learned;
  /** null: it is not kept. */
  readonly learnedFile: string | null;
  /** Other requests are to be read of a link from now on. */
  readonly replanned: (link: string, requests: readonly PollRequest[]) => void;
};

type Line = { readonly name: string; readonly readings: readonly DeviceReading[]; load: number; isOverloaded: boolean };

export class LineWatch {
  private readonly lines: readonly Line[];
  private readonly parts: LineWatchParts;
  private timer: NodeJS.Timeout | null = null;
  private keeping: Promise<void> = Promise.resolve();
  private cannotKeep = false;

  constructor(readings: readonly DeviceReading[], parts: LineWatchParts) {
    const serial = readings.filter(({ device }) => isSerialLink(device.link));
    this.parts = parts;
    this.lines = [...Map.groupBy(serial, ({ link }) => link.name)].map(([name, ofLine]) => ({
      name,
      readings: ofLine,
      load: 0,
      isOverloaded: false,
    }));
  }

  start(): void {
    if (this.lines.length === 0) return;
    this.check();
    this.timer = setInterval(() => this.check(), checkEveryMs);
    this.timer.unref();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
      this.keep();
    }
    await this.keeping;
  }

  /** Whether the line is asked for more than it can carry. */
  overloadOf(link: string): string | null {
    const line = this.lines.find(({ name }) => name === link);
    return line?.isOverloaded === true ? overloadText(line) : null;
  }

  /** For the health report: how busy the lines are kept, the busiest first; null where there are none. */
  note(): string | null {
    if (this.lines.length === 0) return null;
    const [busiest, ...others] = this.lines.toSorted((one, other) => other.load - one.load);
    if (busiest === undefined) return null;
    return `${busiest.name} is asked for ${percentOf(busiest.load)} of its time (${answersText(busiest)})${others.length > 0 ? `, ${others.length} more for less` : ''}`;
  }

  private check(): void {
    for (const line of this.lines) {
      const isReplanned = line.readings.map((reading) => reading.replan()).includes(true);
      if (isReplanned) this.replan(line);
      line.load = line.readings.reduce((sum, { load }) => sum + load, 0);
      this.show(line);
      this.warn(line);
    }
    this.keep();
  }

  private replan({ name, readings }: Line): void {
    const requests = readings.flatMap((reading) => reading.requests);
    this.parts.log.info({ link: name, requests: requests.length }, 'planned again: by what its units take to answer');
    this.parts.replanned(name, requests);
  }

  private show({ name, readings, load }: Line): void {
    const { metrics } = this.parts;
    metrics.load.set({ link: name }, load);
    for (const { device, link } of readings) {
      const answerMs = link.answerMsOf(device.unit);
      if (answerMs !== null) metrics.answer.set({ link: name, unit: String(device.unit) }, answerMs / 1_000);
    }
  }

  private warn(line: Line): void {
    if (line.load > overload && !line.isOverloaded) {
      line.isOverloaded = true;
      this.parts.log.warn({ link: line.name, load: line.load }, overloadText(line));
    }
    if (line.load < noOverload) line.isOverloaded = false;
  }

  private keep(): void {
    const { learned, learnedFile, log } = this.parts;
    const units = this.lines.flatMap(unitsOf);
    if (learnedFile === null || !learned.isNews(units)) return;
    this.keeping = this.keeping
      .then(() => learned.keep(learnedFile, units))
      .then(
        () => {
          this.cannotKeep = false;
        },
        (error: Error) => {
          if (!this.cannotKeep)
            log.warn({ file: learnedFile, reason: error.message }, 'what units take to answer cannot be kept');
          this.cannotKeep = true;
        },
      );
  }
}

const unitsOf = ({ name, readings }: Line): LearnedUnit[] => {
  const units = new Map(readings.map(({ device, link }) => [device.unit, link.answerMsOf(device.unit)]));
  return [...units].flatMap(([unit, answerMs]) => (answerMs === null ? [] : [{ link: name, unit, answerMs }]));
};

const overloadText = (line: Line): string =>
  `${line.name} is asked for ${percentOf(line.load)} of its time (${answersText(line)}), so it cannot be read that often: raise everyMs or the baud rate, or read fewer tags (fieldline-edge plan)`;

function answersText({ readings }: Line): string {
  const times = readings.map(({ answerMs }) => answerMs);
  const [least, most] = [Math.min(...times), Math.max(...times)].map((ms) => ms.toFixed(0));
  return `answers after ${least === most ? least : `${least}–${most}`} ms`;
}

const percentOf = (share: number): string => `${Math.round(share * 100)} %`;
