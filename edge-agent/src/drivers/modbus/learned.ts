/**
 * What the agent has learned of its devices, kept over restarts: a file beside the journal, whole or not there. It is
 * worth little: where it cannot be read or written, all is learned again. It holds the devices of the settings and no others.
 */
import { readFileSync, statSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Micros } from '@fieldline/shared/contracts';
import { makeFolder } from '@fieldline/shared/runtime/make-folder';
import { z } from 'zod';
import { isOtherRefusals, type Recalled, type RefusalsKey, recallOf, refusalsSchema } from './refusals.ts';

const unitSchema = z.object({ link: z.string(), unit: z.int(), answerMs: z.number().nonnegative().max(600_000) });
const fileSchema = z.object({
  v: z.literal(1),
  /** What the units of serial lines take to answer. */
  answers: z.array(unitSchema),
  /** Those of agents before refusals were kept have none. */
  refusals: z.array(refusalsSchema).default([]),
});

export type LearnedUnit = z.infer<typeof unitSchema>;
export type Knowledge = Pick<z.infer<typeof fileSchema>, 'answers' | 'refusals'>;

/** A file that is larger is none of ours. */
const maxFileBytes = 64 * 1024 * 1024;
/** A change of an answer time that is smaller is not worth a write. */
const worthWriting = 0.1;
/** Nor is one of less than this, of units that answer at once. */
const worthWritingMs = 1;
const nothing: Knowledge = { answers: [], refusals: [] };

export class Learned {
  private known: Knowledge;

  constructor(known: Partial<Knowledge> = {}) {
    this.known = { ...nothing, ...known };
  }

  /** Empty where there is no file. @throws where it is there and cannot be read */
  static read(file: string): Learned {
    try {
      if (statSync(file).size > maxFileBytes) throw new Error('it is too large');
      return new Learned(fileSchema.parse(JSON.parse(readFileSync(file, 'utf8'))));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Learned();
      throw error;
    }
  }

  answerMsOf(link: string, unit: number): number | null {
    return this.known.answers.find((known) => known.link === link && known.unit === unit)?.answerMs ?? null;
  }

  refusalsOf(key: RefusalsKey, now: Micros): Recalled {
    return recallOf(this.known.refusals, key, now);
  }

  /** Whether what is known now differs by so much that it should be kept. */
  isNews({ answers, refusals }: Knowledge): boolean {
    return this.isOtherAnswers(answers) || isOtherRefusals(this.known.refusals, refusals);
  }

  /** @throws a system error where the file cannot be written */
  async keep(file: string, known: Knowledge): Promise<void> {
    makeFolder(dirname(file), 0o750);
    const unnamed = `${file}.new`;
    const opened = await open(unnamed, 'w', 0o640);
    try {
      await opened.writeFile(`${JSON.stringify({ v: 1, ...known }, null, 1)}\n`);
      await opened.sync();
    } finally {
      await opened.close();
    }
    await rename(unnamed, file);
    this.known = known;
  }

  private isOtherAnswers(answers: readonly LearnedUnit[]): boolean {
    return answers.some(({ link, unit, answerMs }) => {
      const keptMs = this.answerMsOf(link, unit);
      return keptMs === null || differ(keptMs, answerMs);
    });
  }
}

const differ = (one: number, other: number): boolean =>
  Math.abs(one - other) > Math.max(worthWritingMs, worthWriting * Math.max(one, other));
