import { modbusDeviceSchema } from '@fieldline/shared/config';
import type { Sample, Tag } from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFilter } from '../../src/filter/filter.ts';
import type { FilterSettings } from '../../src/filter/passes.ts';
import { filterSettings } from '../../src/filter/settings.ts';

const tag: Tag = { device: 'plc1', tag: 'level', type: 'float64' };
const at = (ms: number, value: Sample['value'], quality = 0): Sample => ({ tag, time: ms * 1_000, value, quality });
const through = (settings: FilterSettings | null, samples: readonly Sample[]): readonly Sample[] =>
  createFilter(() => settings)(samples);

const series = fc
  .array(
    fc.record({
      stepMs: fc.integer({ min: 1, max: 5_000 }),
      value: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      quality: fc.constantFrom(0, 0, 0, 100, 203),
    }),
    { maxLength: 60 },
  )
  .map((points) => {
    let ms = 0;
    return points.map(({ stepMs, value, quality }) => {
      ms += stepMs;
      return at(ms, quality >= 200 ? null : value, quality);
    });
  });

describe('a tag without settings', () => {
  it('passes every sample, the same bad one included', () => {
    const samples = [at(0, 1), at(1, 1), at(2, null, 203), at(3, null, 203)];
    expect(through(null, samples)).toEqual(samples);
  });
});

describe('a read', () => {
  it('is given on as it came where all of it passes', () => {
    const samples = [at(0, 1), at(1, 2)];
    expect(through(null, samples)).toBe(samples);
  });

  it('loses what each of its samples alone would have lost, in any number at once', () => {
    fc.assert(
      fc.property(series, fc.double({ min: 0, max: 1e6, noNaN: true }), (samples, deadband) => {
        const settings = { deadband, heartbeatMs: 3_000 };
        const filter = createFilter(() => settings);
        expect(through(settings, samples)).toEqual(samples.flatMap((sample) => filter([sample])));
      }),
    );
  });
});

describe('a deadband', () => {
  it('never lets the last passed value stand further from the present one than it says', () => {
    fc.assert(
      fc.property(series, fc.double({ min: 0, max: 1e5, noNaN: true }), (samples, deadband) => {
        const passed = new Set(through({ deadband, heartbeatMs: null }, samples));
        let last: Sample | undefined;
        for (const sample of samples) {
          if (passed.has(sample)) last = sample;
          expect(last?.quality).toBe(sample.quality);
          if (sample.value === null) expect(last?.value).toBeNull();
          else expect(Math.abs(Number(last?.value) - Number(sample.value))).toBeLessThanOrEqual(deadband);
        }
      }),
    );
  });

  it('holds back only what is within it and of the same quality', () => {
    fc.assert(
      fc.property(series, fc.double({ min: 0, max: 1e5, noNaN: true }), (samples, deadband) => {
        const passed = through({ deadband, heartbeatMs: null }, samples);
        for (const [index, sample] of passed.entries()) {
          const before = passed[index - 1];
          if (before === undefined || before.quality !== sample.quality) continue;
          expect(Math.abs(Number(before.value) - Number(sample.value))).toBeGreaterThan(deadband);
        }
      }),
    );
  });

  it('of 0 passes every change and holds back what is the same', () => {
    expect(through({ deadband: 0, heartbeatMs: null }, [at(0, 1), at(1, 1), at(2, 1.000001), at(3, 1)])).toEqual([
      at(0, 1),
      at(2, 1.000001),
      at(3, 1),
    ]);
  });

  it('tells 64-bit counters apart beyond 2^53', () => {
    const big = 2n ** 60n;
    expect(through({ deadband: 0, heartbeatMs: null }, [at(0, big), at(1, big + 1n), at(2, big + 1n)])).toHaveLength(2);
    expect(through({ deadband: 1, heartbeatMs: null }, [at(0, big), at(1, big + 1n), at(2, big + 2n)])).toHaveLength(2);
  });

  it('passes texts and bools when they change', () => {
    const settings = { deadband: 10, heartbeatMs: null };
    expect(through(settings, [at(0, 'a'), at(1, 'a'), at(2, 'b')])).toHaveLength(2);
    expect(through(settings, [at(0, false), at(1, true), at(2, true)])).toHaveLength(2);
  });
});

describe('a heartbeat', () => {
  it('passes a sample when the last passed one is that old, changed or not', () => {
    fc.assert(
      fc.property(series, fc.integer({ min: 1, max: 20_000 }), (samples, heartbeatMs) => {
        const passed = new Set(through({ deadband: 1e9, heartbeatMs }, samples));
        let last = Number.NEGATIVE_INFINITY;
        for (const sample of samples) {
          if (passed.has(sample)) last = sample.time;
          expect(sample.time - last).toBeLessThan(heartbeatMs * 1_000);
        }
      }),
    );
  });

  it('goes on when the clock was set back', () => {
    expect(through({ deadband: 9, heartbeatMs: 1_000 }, [at(5_000, 1), at(2_000, 1), at(2_500, 1)])).toEqual([
      at(5_000, 1),
      at(2_000, 1),
    ]);
  });
});

describe('the heartbeat of a tag that is read periodically', () => {
  const settingsOf = (everyMs: number, heartbeatMs: number) => {
    const link = { kind: 'tcp', host: 'plc' };
    const level = { tag: 'level', address: 0, heartbeatMs };
    const device = modbusDeviceSchema.parse({ device: 'plc1', protocol: 'modbus', link, everyMs, tags: [level] });
    return filterSettings([device])?.(tag) ?? null;
  };

  it('passes the last sample before it is over, however early or late each comes', () => {
    const beats = fc.record({
      everyMs: fc.integer({ min: 20, max: 2_000 }),
      heartbeatMs: fc.integer({ min: 20, max: 60_000 }),
      late: fc.array(fc.double({ min: 0, max: 0.2, noNaN: true }), { minLength: 50, maxLength: 300 }),
    });
    fc.assert(
      fc.property(beats, ({ everyMs, heartbeatMs, late }) => {
        const samples = late.map((share, turn) => at((turn + share) * everyMs, 1));
        const passed = through(settingsOf(everyMs, heartbeatMs), samples).map((sample) => samples.indexOf(sample));
        const turns = Math.max(1, Math.floor(heartbeatMs / everyMs));
        expect(passed).toEqual(samples.flatMap((_, turn) => (turn % turns === 0 ? [turn] : [])));
      }),
    );
  });
});

describe('the settings of a tag', () => {
  it('are its own, else those of its device, else none', () => {
    const settings = filterSettings([
      {
        device: 'plc1',
        protocol: 'opcua',
        endpoint: 'opc.tcp://host:4840',
        security: { policy: 'None', mode: 'None' },
        acquire: 'subscribe',
        publishingMs: 500,
        samplingMs: 500,
        silentMs: 300_000,
        timeoutMs: 1_000,
        history: 'auto',
        historyMaxMs: 60_000,
        deadband: 2,
        patterns: [],
        maxPatternTags: 1,
        forgetAfterMs: 1,
        tags: [
          { tag: 'own', node: 'i=1', type: 'float64', deadband: 5, heartbeatMs: 60_000 },
          { tag: 'inherited', node: 'i=2', type: 'float64' },
          { tag: 'percent', node: 'i=3', type: 'float64', deadbandPercent: 5, minimum: -20, maximum: 60 },
          { tag: 'unranged', node: 'i=4', type: 'float64', deadbandPercent: 5, deadbandAt: 'server' },
        ],
      },
    ]);
    expect(settings?.({ ...tag, tag: 'own' })).toEqual({ deadband: 5, heartbeatMs: 60_000 });
    expect(settings?.({ ...tag, tag: 'inherited' })).toEqual({ deadband: 2, heartbeatMs: null });
    expect(settings?.({ ...tag, tag: 'percent' })).toEqual({ deadband: 4, heartbeatMs: null });
    expect(settings?.({ ...tag, tag: 'unranged' })).toBeNull();
    expect(settings?.({ ...tag, device: 'other' })).toBeNull();
  });
});
