import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Tests of whole lines take a minute each, most of it waiting: what starts last ends last. */
const long = /\/deploy\/test\/(line|fault|demo)\//;

/** Vitest goes by the times of the last run, and by the sizes of the files in a clone that had none: small ones take longest. */
export default class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => long.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
