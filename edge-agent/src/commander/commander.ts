/**
 * Carries out commands: values for tags that came by MQTT. What a command may do stands in rules.ts, how it is remembered in
 * store.ts. Invariants:
 *
 * - A command is written at most once. Its id is durable before the write goes out; a copy is given the answer of the first.
 * - Commands for one device run one after another, in the order in which they came; devices do not wait for each other.
 * - Every command with an id is answered once it has an end, and each such end is one sample of the gateway's own series.
 * - All that waits is bounded; what is too much is refused.
 */
import type { CommandSettings } from '@fieldline/shared/config';
import {
  type AnswerMessage,
  type CommandMessage,
  commandSchema,
  commandVersion,
  decodeMessage,
  type Micros,
  maxCommandBytes,
  type Sample,
  statedOf,
} from '@fieldline/shared/contracts';
import type { Clock, Log, Metrics } from '@fieldline/shared/runtime';
import type { WriteProblem } from '../drivers/driver.ts';
import { errorFields } from '../error-fields.ts';
import { auditSample } from './audit.ts';
import { commanderMetrics } from './metrics.ts';
import { Outbox, type PublishAnswer } from './outbox.ts';
import { Pace } from './pace.ts';
import { expectationProblem, headProblem, problem, timeProblem, type Wanted, wantedOf } from './rules.ts';
import { CommandStore, type Remembered } from './store.ts';
import type { FindTarget, Target } from './targets.ts';
import { type Ending, endInterrupted, endingOf, writeTag } from './write.ts';

export type CommanderOptions = {
  readonly gateway: string;
  readonly settings: CommandSettings;
  /** Made with its folder where it is not there. */
  readonly file: string;
  readonly findTarget: FindTarget;
  /** Takes the samples of the gateway's own series. */
  readonly emit: (samples: readonly Sample[]) => void;
  readonly isClockSet: (now: Micros) => boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
};

export class Commander {
  private readonly options: CommanderOptions;
  private readonly metrics;
  private readonly outbox: Outbox;
  private readonly pace: Pace;
  private readonly stop = new AbortController();
  /** Null where it cannot be opened: then nothing is written. */
  private readonly store: CommandStore | null;
  private reason: string | null = null;
  /** By id: those that wait or are carried out. */
  private readonly running = new Map<string, Promise<void>>();
  /** By device: the last of them. */
  private readonly turns = new Map<string, Promise<void>>();
  /** Whose samples were given, and may not be in the journal yet. */
  private handed: string[] = [];

  private constructor(options: CommanderOptions) {
    this.options = options;
    this.metrics = commanderMetrics(options.metrics);
    this.outbox = new Outbox(() => this.metrics.dropped.inc());
    this.pace = new Pace(options.settings.mostPerMinute, options.clock);
    this.store = this.open();
  }

  /** Begins with what an earlier process has left. */
  static start(options: CommanderOptions): Commander {
    const commander = new Commander(options);
    commander.guarded(() => commander.takeUp());
    return commander;
  }

  /** In words for the operator; null when well. */
  trouble(): string | null {
    return this.reason;
  }

  connected(publish: PublishAnswer): void {
    this.outbox.connected(publish);
  }

  disconnected(): void {
    this.outbox.disconnected();
  }

  /** Synchronous up to the point where it is refused or waits for its device. */
  take(bytes: Buffer, isRetained: boolean): void {
    if (this.stop.signal.aborted) return;
    const isTooMuch = !this.pace.allows();
    let command: CommandMessage;
    try {
      if (bytes.length > maxCommandBytes) throw new Error(`${bytes.length} bytes; the bound is ${maxCommandBytes}`);
      command = decodeMessage(commandSchema, bytes, this.options.gateway);
    } catch (error) {
      this.options.log.warn(errorFields(error), 'a command cannot be read: refused');
      this.answer(null, endingOf('refused', problem('malformed', error instanceof Error ? error.message : undefined)));
      return;
    }
    const isKnown = this.guarded(() => this.answerAgain(command));
    if (isKnown === true) return;
    // What is not stored may be sent again under its id: it was never looked at.
    if (isTooMuch) this.answer(command, endingOf('refused', problem('too-often', 'commands.mostPerMinute is reached')));
    else if (isKnown === null) this.answer(command, endingOf('refused', problem('not-stored')));
    else this.consider(command, isRetained);
  }

  /** Of samples that were given so far; what it returns is called when the journal has them. */
  handOver(): () => void {
    const ids = this.handed;
    this.handed = [];
    return () => {
      if (ids.length > 0) this.guarded(() => this.store?.journalled(ids));
    };
  }

  /** Waits for what is being carried out; the rest is refused. Idempotent. */
  async close(): Promise<void> {
    this.stop.abort();
    await Promise.all(this.running.values());
  }

  /** After the last samples were taken. Idempotent. */
  end(): void {
    this.store?.close();
  }

  private open(): CommandStore | null {
    const { file, settings, log } = this.options;
    try {
      return CommandStore.open(file, settings.maxRemembered);
    } catch (error) {
      this.reason = `commands are refused: ${file} cannot be opened (${error instanceof Error ? error.message : error}); mend the disk or its rights; a damaged file may be deleted once every command sent so far has expired`;
      log.error(errorFields(error), this.reason);
      return null;
    }
  }

  /** null where the disk does not let it. */
  private guarded<Result>(work: () => Result): Result | null {
    if (this.store === null) return null;
    try {
      const result = work();
      this.reason = null;
      return result;
    } catch (error) {
      const { file, log } = this.options;
      const reason = `commands are refused: ${file} cannot be used (${error instanceof Error ? error.message : error}); make room, or mend the disk or its rights`;
      if (reason !== this.reason) log.error(errorFields(error), reason);
      this.reason = reason;
      return null;
    }
  }

  private takeUp(): void {
    for (const { command, answer } of this.store?.unjournalled() ?? []) {
      if (answer !== null) this.record(command, answer);
    }
    for (const left of this.store?.unanswered() ?? []) this.run(left.command, () => this.endLeft(left));
  }

  private async endLeft({ command, before }: Remembered): Promise<void> {
    const target = this.options.findTarget(command.device, command.tag);
    this.finish(command, await endInterrupted(before, target, this.stop.signal));
  }

  /** True where there was nothing else to do. */
  private answerAgain({ id }: CommandMessage): boolean {
    const known = this.store?.find(id) ?? null;
    if (known === null && !this.running.has(id)) return false;
    this.metrics.repeated.inc();
    // One that has no end yet is answered when it has.
    if (known?.answer) this.outbox.add({ ...known.answer, repeated: true });
    return true;
  }

  private consider(command: CommandMessage, isRetained: boolean): void {
    const judged = this.judge(command, isRetained);
    if ('reason' in judged) {
      this.refuse(command, judged);
      return;
    }
    const { target, wanted } = judged;
    this.run(command, () => this.carryOut(command, target, wanted));
  }

  private judge(command: CommandMessage, isRetained: boolean): { target: Target; wanted: Wanted } | WriteProblem {
    const { settings, findTarget } = this.options;
    const wrong = headProblem(command, this.moment(), isRetained, settings);
    if (wrong !== null) return wrong;
    if (this.store?.mayBeForgotten(command.expires) !== false) {
      return problem('expired', 'commands that expired as late were forgotten already: this may be one of them');
    }
    const target = findTarget(command.device, command.tag);
    if (target === undefined) return problem('unknown-tag');
    if (target === null) return problem('not-writable');
    const wanted = wantedOf(command, target.tag, target.rules);
    if ('reason' in wanted) return wanted;
    if (this.running.size >= settings.maxWaiting) return problem('busy', 'commands.maxWaiting is reached');
    const { atMostEveryMs } = target.rules;
    if (this.pace.isTooSoon(target.tag, atMostEveryMs)) {
      return problem('too-often', `the tag is told something at most every ${atMostEveryMs} ms`);
    }
    return { target, wanted };
  }

  private run(command: CommandMessage, work: () => Promise<void>): void {
    const { id, device } = command;
    const before = this.turns.get(device) ?? Promise.resolve();
    const turn = before.then(work).catch((error: unknown) => {
      this.options.log.error({ ...errorFields(error), id }, 'a command could not be carried to its end');
    });
    const done = turn.then(() => {
      this.running.delete(id);
      if (this.turns.get(device) === done) this.turns.delete(device);
      this.metrics.waiting.set(this.running.size);
    });
    this.running.set(id, done);
    this.turns.set(device, done);
    this.metrics.waiting.set(this.running.size);
  }

  private async carryOut(command: CommandMessage, target: Target, { value, expected }: Wanted): Promise<void> {
    let isNoted = false;
    const permit = (before: Parameters<typeof statedOf>[0]): WriteProblem | null => {
      const wrong = timeProblem(command, this.moment()) ?? expectationProblem(expected, before);
      if (wrong !== null) return wrong;
      const noted = this.note({ command, before: statedOf(before), answer: null });
      if (noted === false)
        return problem('busy', 'commands.maxRemembered is reached by commands that have not expired');
      isNoted = noted === true;
      return isNoted ? null : problem('not-stored');
    };
    const ending = this.stop.signal.aborted
      ? endingOf('refused', problem('not-connected', 'the agent is stopping'))
      : await writeTag(target, { value, permit }, this.stop.signal);
    if (isNoted) this.finish(command, ending);
    else this.remember(command, ending);
  }

  private refuse(command: CommandMessage, why: WriteProblem): void {
    this.remember(command, endingOf('refused', why));
  }

  /** Of one that was not noted before: a copy that comes later is refused as the first. */
  private remember(command: CommandMessage, ending: Ending): void {
    const answer = this.answerOf(command, ending);
    if (this.note({ command, before: ending.before, answer }) === true) this.record(command, answer);
    this.tell(answer);
  }

  /** null where the disk does not let it, false where there is no room. One that would be valid for too long does not stay that long. */
  private note(remembered: Remembered): boolean | null {
    const { clock, settings } = this.options;
    const { command, answer } = remembered;
    const now = clock.now();
    const longest = answer?.reason === 'expires-too-late' ? now + settings.longestMs * 1_000 : command.expires;
    return this.guarded(() => this.store?.note(remembered, Math.min(command.expires, longest), now) ?? false);
  }

  private finish(command: CommandMessage, ending: Ending): void {
    const answer = this.answerOf(command, ending);
    this.guarded(() => this.store?.answered(answer));
    this.record(command, answer);
    this.tell(answer);
  }

  private record(command: CommandMessage, answer: AnswerMessage): void {
    this.options.emit([auditSample(command, answer)]);
    this.handed.push(command.id);
  }

  private answer(command: CommandMessage | null, ending: Ending): void {
    this.tell(this.answerOf(command, ending));
  }

  private tell(answer: AnswerMessage): void {
    const { id, device, tag, outcome, reason, by } = answer;
    this.metrics.answered.inc({ outcome, reason: reason ?? '' });
    this.options.log.info({ id, device, tag, outcome, reason, by }, 'a command was answered');
    this.outbox.add(answer);
  }

  private answerOf(command: CommandMessage | null, ending: Ending): AnswerMessage {
    const { gateway, clock } = this.options;
    const { id = null, device = null, tag = null, by = null } = command ?? {};
    return { v: commandVersion, gateway, id, device, tag, ...ending, at: clock.now(), by, repeated: false };
  }

  private moment(): { now: Micros; isClockSet: boolean } {
    const now = this.options.clock.now();
    return { now, isClockSet: this.options.isClockSet(now) };
  }
}
