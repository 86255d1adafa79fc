import { ackSchema, birthSchema, decodeMessage, stateSchema } from '@fieldline/shared/contracts';
import { describe, expect, it } from 'vitest';

const stream = '5a1f7a7e-3c1b-4d6e-8f00-0123456789ab';
const maxSeq = 0xffff_ffff;
const head = { v: 1, gateway: 'gw', at: 1 };

const state = (last: number, to: number, first = 1) => ({
  ...head,
  online: true,
  reason: 'running',
  agent: 'test',
  configFingerprint: 'test',
  confirm: 'cloud',
  clock: 'unknown',
  streams: [{ stream, first, last, held: [[1, to]] }],
});
const ack = (committed: number, ask: number) => ({
  ...head,
  incarnation: 'test',
  lagging: false,
  streams: [{ stream, committed: [[1, committed]], ask: [[1, ask]] }],
});

describe('a batch number in a message', () => {
  it('may be as great as in a batch, and no greater', () => {
    expect(stateSchema.safeParse(state(maxSeq, maxSeq, maxSeq)).success).toBe(true);
    expect(stateSchema.safeParse(state(maxSeq + 1, 1)).success).toBe(false);
    expect(stateSchema.safeParse(state(1, maxSeq + 1)).success).toBe(false);
    expect(stateSchema.safeParse(state(1, 1, maxSeq + 1)).success).toBe(false);
    expect(ackSchema.safeParse(ack(maxSeq, maxSeq)).success).toBe(true);
    expect(ackSchema.safeParse(ack(maxSeq + 1, 1)).success).toBe(false);
    expect(ackSchema.safeParse(ack(1, maxSeq + 1)).success).toBe(false);
  });

  it('that makes no ranges is refused, not believed', () => {
    const data = state(1, 1);
    for (const held of ['x', null, [[2, 1]], [[1, Number.MAX_VALUE]]])
      expect(stateSchema.safeParse({ ...data, streams: [{ stream, first: 1, last: 1, held }] }).success).toBe(false);
  });
});

describe('a birth', () => {
  const birth = (tag: object) =>
    Buffer.from(
      JSON.stringify({
        v: 1,
        gateway: 'gw',
        part: 1,
        parts: 1,
        devices: [{ device: 'd', protocol: 'modbus', tags: [{ tag: 't', type: 'int16', ...tag }] }],
      }),
    );
  const tagOf = (bytes: Buffer) => decodeMessage(birthSchema, bytes, 'gw').devices[0]?.tags[0];

  it('may say which tags are writable, and fields of a newer agent are passed over as that one was before', () => {
    expect(tagOf(birth({ writable: true }))).toEqual({ tag: 't', type: 'int16', writable: true });
    expect(tagOf(birth({}))).toEqual({ tag: 't', type: 'int16' });
    expect(tagOf(birth({ ofTomorrow: [1] }))).toEqual({ tag: 't', type: 'int16' });
  });
});
