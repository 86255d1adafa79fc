/**
 * What the agent has learned of the units on its serial lines, kept over restarts: a file beside the journal, whole or not there. It is
 * worth little: where it cannot be read or written, all is learned again. It holds the units of the settings and no others.
 */
import { readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '@fieldline/shared/runtime/make-folder';
import { z } from 'zod';

const unitSchema = z.object({ link: z.string(), unit: z.int(), answerMs: z.number().nonnegative().max(600_000) });
const fileSchema = z.object({ v: z.literal(1), answers: z.array(unitSchema) });

export type LearnedUnit = z.infer<typeof unitSchema>;

/** A change that is smaller is not worth a write. */
const worthWriting = 0.1;
/** Nor is one of less than this, of units that answer at once. */
const worthWritingMs = 1;

export class Learned {
  private units: readonly LearnedUnit[];

  constructor(units: readonly LearnedUnit[] = []) {
    this.units = units;
  }

  /** Empty where there is no file. @throws where it is there and cannot be read */
  static read(file: string): Learned {
    try {
      return new Learned(fileSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).answers);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Learned();
      throw error;
    }
  }

  answerMsOf(link: string, unit: number): number | null {
    return this.units.find((known) => known.link === link && known.unit === unit)?.answerMs ?? null;
  }

  /** Whether what is known now differs by so much that it should be kept. */
  isNews(units: readonly LearnedUnit[]): boolean {
    return units.some(({ link, unit, answerMs }) => {
      const keptMs = this.answerMsOf(link, unit);
      return keptMs === null || differ(keptMs, answerMs);
    });
  }

  /** @throws a system error where the file cannot be written */
  async keep(file: string, units: readonly LearnedUnit[]): Promise<void> {
    makeFolder(dirname(file), 0o750);
    const unnamed = `${file}.new`;
    const opened = await open(unnamed, 'w', 0o640);
    try {
      await opened.writeFile(`${JSON.stringify({ v: 1, answers: units }, null, 1)}\n`);
      await opened.sync();
    } finally {
      await opened.close();
    }
    await rename(unnamed, file);
    this.units = units;
  }
}

const differ = (one: number, other: number): boolean =>
  Math.abs(one - other) > Math.max(worthWritingMs, worthWriting * Math.max(one, other));
