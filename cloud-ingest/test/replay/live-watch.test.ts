import { describe, expect, test } from 'vitest';
import { LiveWatch } from '../../src/replay/live-watch.ts';

const at = (...offsets: readonly number[]): ReadonlyMap<number, number> => new Map(offsets.entries());

describe('the watch on live data', () => {
  test('has nothing to say while all that was in the log a moment ago is stored', () => {
    const watch = new LiveWatch();
    for (let second = 0; second < 20; second++)
      expect(watch.look(second * 1_000, at(second * 10, 5), at(second * 10 - 15, 5))).toBe('flows');
  });

  test('says that live data is late when it is not, as long as something is stored at all', () => {
    const watch = new LiveWatch();
    const looks = Array.from({ length: 20 }, (_, second) =>
      watch.look(second * 1_000, at(100 + second * 10), at(second)),
    );
    expect(new Set(looks.slice(0, 2))).toEqual(new Set(['flows']));
    expect(new Set(looks.slice(2))).toEqual(new Set(['lags']));
    expect(watch.look(20_000, at(300), at(300))).toBe('flows');
  });

  test('waits for no one where no processor runs', () => {
    const watch = new LiveWatch();
    const looks = Array.from({ length: 20 }, (_, second) => watch.look(second * 1_000, at(100), at(0)));
    expect(looks.indexOf('stands still')).toBe(10);
    expect(new Set(looks.slice(10))).toEqual(new Set(['stands still']));
    expect(watch.look(20_000, at(100), at(1))).toBe('lags');
  });
});
