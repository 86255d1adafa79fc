/** What an answer that brings no values makes of the tags that were asked for. */
import { type QualityCode, type QualityName, qualityCode } from '@fieldline/shared/contracts';
import type { LinkReply } from './link.ts';
import type { Silence } from './unit-guard.ts';

/** Exceptions (Application Protocol v1.1b3, 7). 02: no such address. 03: also said where a request is longer than the device can answer. */
export const refusesAddresses = (code: number): boolean => code === 0x02 || code === 0x03;

/** 04: the device as a whole has a fault, or, with many devices, a register is missing or a request too long. */
export const isDeviceFailure = (code: number): boolean => code === 0x04;

/** 0A, 0B: a gateway says so of a device that it cannot reach. */
export const isOfGateway = (code: number): boolean => code === 0x0a || code === 0x0b;

const qualityOfException: Readonly<Partial<Record<number, QualityName>>> = {
  2: 'bad/address',
  10: 'bad/not-connected',
  11: 'bad/timeout',
};

const qualityOfKind = {
  garbled: 'bad/reply',
  timeout: 'bad/timeout',
  'not-connected': 'bad/not-connected',
  aborted: 'bad/stopped',
} as const satisfies Record<string, QualityName>;

export const qualityOfSilence = (because: Silence): QualityCode => qualityCode(qualityOfKind[because]);

export type NoValues = Exclude<LinkReply, { kind: 'data' }>;

export function qualityOf(reply: NoValues): QualityCode {
  if (reply.kind === 'exception') return qualityCode(qualityOfException[reply.code] ?? 'bad/refused');
  return reply.kind === 'silent' ? qualityOfSilence(reply.because) : qualityCode(qualityOfKind[reply.kind]);
}
