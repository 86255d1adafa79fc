import { GOOD, type QualityCode, qualityCode } from '@fieldline/shared/contracts';

/**
 * Status codes of OPC 10000-4 7.39: the two highest bits say good, uncertain or bad; the high half says why; the low half
 * holds flags, so that "good with overflow" (0x480) is good.
 */
const because = (status: number): number => (status & 0xffff_0000) >>> 0;

/** The overflow bit counts only where the type bits say that the flags are about a value. */
export const hasOverflow = (status: number): boolean => (status & 0x0c80) === 0x0480;

const reasons = new Map<number, QualityCode>([
  [0x408f_0000, qualityCode('uncertain/substituted')], // UncertainNoCommunicationLastUsableValue
  [0x4090_0000, qualityCode('uncertain/substituted')], // UncertainLastUsableValue
  [0x4091_0000, qualityCode('uncertain/substituted')], // UncertainSubstituteValue
  [0x4092_0000, qualityCode('uncertain/substituted')], // UncertainInitialValue
  [0x800a_0000, qualityCode('bad/timeout')], // BadTimeout
  [0x8005_0000, qualityCode('bad/not-connected')], // BadCommunicationError
  [0x8031_0000, qualityCode('bad/not-connected')], // BadNoCommunication
  [0x808a_0000, qualityCode('bad/not-connected')], // BadNotConnected
  [0x8032_0000, qualityCode('bad/not-available')], // BadWaitingForInitialData
  [0x808d_0000, qualityCode('bad/not-available')], // BadOutOfService
  [0x809b_0000, qualityCode('bad/not-available')], // BadNoData
  [0x80b1_0000, qualityCode('bad/not-available')], // BadNoDataAvailable
  [0x8033_0000, qualityCode('bad/address')], // BadNodeIdInvalid
  [0x8034_0000, qualityCode('bad/address')], // BadNodeIdUnknown
  [0x8035_0000, qualityCode('bad/address')], // BadAttributeIdInvalid
  [0x8036_0000, qualityCode('bad/address')], // BadIndexRangeInvalid
  [0x8037_0000, qualityCode('bad/address')], // BadIndexRangeNoData
  [0x803f_0000, qualityCode('bad/address')], // BadObjectDeleted
  [0x801f_0000, qualityCode('bad/refused')], // BadUserAccessDenied
  [0x803a_0000, qualityCode('bad/refused')], // BadNotReadable
  [0x80db_0000, qualityCode('bad/refused')], // BadTooManyMonitoredItems
]);

export function qualityOf(status: number): QualityCode {
  const severity = status >>> 30;
  if (severity === 0) return GOOD;
  return reasons.get(because(status)) ?? qualityCode(severity === 1 ? 'uncertain/device' : 'bad/device');
}

const vanished = new Set([0x8033_0000, 0x8034_0000, 0x803f_0000]); // BadNodeIdInvalid, BadNodeIdUnknown, BadObjectDeleted

/** Of a value that is reported: its item stays dead, also when the node comes back. */
export const saysNodeVanished = (status: number): boolean => vanished.has(because(status));
