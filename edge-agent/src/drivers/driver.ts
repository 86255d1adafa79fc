/**
 * What a driver is: it knows one protocol, its library, `shared` and this file; never another driver, the journal or the
 * uplink. Everything that cuts across protocols (when to read, the filter, the journal, counting) stands outside it.
 *
 * Trouble with the device is data: a read that fails gives a bad sample for each of its tags, with the reason. A driver
 * throws only for broken invariants.
 */
import type {
  CommandReason,
  Declaration,
  Micros,
  QualityCode,
  Sample,
  Tag,
  TagClass,
  Value,
} from '@fieldline/shared/contracts';
import type { Clock, Download, Log, Metrics } from '@fieldline/shared/runtime';

/** A part of the plan that the poller calls when it is due: one request on the wire, or a few that belong together. */
export type PollRequest = {
  /** Requests of one link run one after the other; links run side by side. */
  readonly link: string;
  /** Shown in logs and `plan`, e.g. `plc1 holding 100–131`. */
  readonly name: string;
  readonly everyMs: number;
  /** The highest of its tags: where a link cannot hold all periods, those of higher classes go before. */
  readonly class: TagClass;
  /** Never rejects: what went wrong is in the quality of the samples. Ends early, with whatever it has, on abort. */
  readonly read: (signal: AbortSignal) => Promise<readonly Sample[]>;
};

export type DeviceStatus = {
  readonly device: string;
  /** `connected`: it answers, be it by refusing. `troubled`: what it stands behind is reached, and it does not answer. */
  readonly state: 'connecting' | 'connected' | 'troubled' | 'disconnected';
  /** null when all is well; else what is wrong, in words for the operator: also of one that is connected, e.g. tags that it refuses. */
  readonly trouble: string | null;
};

/** What the journal has of a tag: the last sample with a value, by its time; where there is none, the last bad one. */
export type LastKept = {
  readonly time: Micros;
  /** null: it is bad. undefined: it has one that is not remembered (a text of more than 100 characters, or of another type). */
  readonly value: Value | null | undefined;
  readonly quality: QualityCode;
  /** A bad one that came after it: what the device said, or the driver by itself. */
  readonly bad: { readonly time: Micros; readonly quality: QualityCode } | null;
  /** Of the samples that came when a later one was there, the time of the one that came last; null: there were none. */
  readonly late: Micros | null;
};

export type DriverContext = {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /**
   * For values that come by themselves (subscriptions). Synchronous and bounded by the caller. `late`: younger ones of the same tags
   * have been given before, as when the history of a server is read beside its live data.
   */
  readonly emit: (samples: readonly Sample[], order?: 'late') => void;
  /**
   * Of an answer that is seen now, and was waited for since `sinceMs`: when the event loop was last free to see it, if it was held
   * up until a moment ago; else null. By `clock.monotonicMs`.
   */
  readonly heldSinceMs: (sinceMs: number) => number | null;
  /** What the driver knows to be lost, e.g. an overflow that the server reported. */
  readonly declare: (declaration: Declaration) => void;
  /**
   * Calls back once all that was emitted before this call is in the journal, as durable as it makes it; or waits in memory because the
   * disk takes nothing. In the order of the calls, and never before it returns; not at all where the agent ends before.
   */
  readonly whenKept: (then: () => void) => void;
  /**
   * What earlier runs of the agent, and this one, left in the journal of a tag; null where nothing is known: then what the device gives
   * may have been given before. For protocols that report by themselves (`registry.ts`).
   */
  readonly lastKept: (tag: Tag) => LastKept | null;
  /** Of a tag whose texts tell of several things (`registry.ts`): the last text of each that was not over, with its time. */
  readonly standing: (tag: Tag) => readonly { readonly time: Micros; readonly text: string }[];
};

/** Why something was not written, or is not known to be. */
export type WriteProblem = { readonly reason: CommandReason; readonly message: string };

export type WriteOrder = {
  /** Of the type of the tag. */
  readonly value: Value;
  /**
   * Asked last of all, with the value that the device holds (null where it has none), right before the write goes out: null lets it
   * go. Synchronous: what it notes is durable before anything is sent.
   */
  readonly permit: (before: Value | null) => WriteProblem | null;
};

/** not-sent: the device was not told. rejected: it said no. unanswered: it may have been written or not. */
export type WriteResult = {
  readonly kind: 'accepted' | 'not-sent' | 'rejected' | 'unanswered';
  /** null only where it was accepted. */
  readonly problem: WriteProblem | null;
  readonly before: Value | null;
  /** As it would be read back; null where it was not sent. */
  readonly written: Value | null;
};

export type CallOrder = {
  /** One for each that the settings state, in their order. */
  readonly inputs: readonly Value[];
  /** As of a write; there is no value before. */
  readonly permit: (before: null) => WriteProblem | null;
};

export type CallResult = Pick<WriteResult, 'kind' | 'problem'> & {
  /** JSON; null where it was not accepted. */
  readonly outputs: string | null;
};

/** All go before all polls of the link, never reject, and send a write or a call at most once. */
export type TagWriter = {
  readonly write: (tag: Tag, order: WriteOrder) => Promise<WriteResult>;
  readonly read: (tag: Tag) => Promise<Sample>;
  /** Of tags that stand for a method: it gives a sample of its own. Absent where the protocol has no methods. */
  readonly call?: (tag: Tag, order: CallOrder) => Promise<CallResult>;
};

export interface Driver {
  /** Every tag of its devices, once: the objects that its samples refer to. */
  readonly tags: readonly Tag[];
  /** What the poller reads at first; empty for protocols that report by themselves. */
  readonly requests: readonly PollRequest[];
  /** Set before the start: called when other requests are to be read of a link, in the place of those that it had. */
  onReplanned?(tell: (link: string, requests: readonly PollRequest[]) => void): void;
  /** For the tags that their settings make writable; absent where there are none, or the protocol cannot. */
  readonly writer?: TagWriter | undefined;
  /** Begins to connect and returns; the driver goes on trying until closed. */
  start(): void;
  status(): readonly DeviceStatus[];
  /** What is good to know of its links, in words for the operator; null when there is nothing. */
  note?(): string | null;
  /** What may be fetched over HTTP beside the metrics. */
  readonly downloads?: readonly Download[];
  /** Idempotent. */
  close(): Promise<void>;
}
