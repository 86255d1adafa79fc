/**
 * Carries out commands: values for tags that came by MQTT. What a command may do stands in rules.ts, how it is remembered in
 * store.ts. Invariants:
 *
 * - A command is written at most once. Its id is durable before the write goes out; a copy is given the answer of the first.
 * - Commands for one device run one after another, in the order in which they came; devices do not wait for each other.
 * - What was answered is final for its id until the command expires: on the disk, or where that takes nothing in held-answers.ts.
 * - Every command with an id is answered once it has an end, and each such end is one sample of the gateway's own series.
 * - All that waits is bounded; what is too much is refused.
 */
import type { CommandSettings } from '@fieldline/shared/config';
import {
  type AnswerMessage,
  type CommandMessage,
  commandVersion,
  type Micros,
  type Sample,
  statedOf,
  type Value,
} from '@fieldline/shared/contracts';
import type { Clock, Log, Metrics } from '@fieldline/shared/runtime';
import type { WriteProblem } from '../drivers/driver.ts';
import { errorFields } from '../error-fields.ts';
import { auditSample } from './audit.ts';
import { type Deed, deedOf } from './deed.ts';
import { HeldAnswers, unheld, whileHeld } from './held-answers.ts';
import { commanderMetrics } from './metrics.ts';
import { Outbox, type PublishAnswer } from './outbox.ts';
import { Pace } from './pace.ts';
import { type Malformed, readCommand } from './read-command.ts';
import { expectationProblem, headProblem, problem, timeProblem, unreadable } from './rules.ts';
import type { Remembered } from './store.ts';
import { StoreAccess } from './store-access.ts';
import type { FindTarget } from './targets.ts';
import { Turns } from './turns.ts';
import { type Ending, endInterrupted, endingOf } from './write.ts';

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

/** What of a command stands in its answer; of a malformed one at most its id. */
type About = Partial<Pick<AnswerMessage, 'id' | 'device' | 'tag'>> & { readonly by?: string | undefined };

export class Commander {
  private readonly options: CommanderOptions;
  private readonly metrics;
  private readonly outbox: Outbox;
  private readonly pace: Pace;
  private readonly held = new HeldAnswers();
  private readonly stop = new AbortController();
  private readonly store: StoreAccess;
  private readonly turns: Turns;
  private isTakenUp = false;
  /** Whose samples were given, and may not be in the journal yet. */
  private handed: string[] = [];

  private constructor(options: CommanderOptions) {
    this.options = options;
    this.metrics = commanderMetrics(options.metrics);
    this.outbox = new Outbox(() => this.metrics.dropped.inc());
    this.turns = new Turns((size) => this.metrics.waiting.set(size));
    this.pace = new Pace(options.settings.mostPerMinute, options.clock);
    const { file, settings, clock, log } = options;
    this.store = StoreAccess.open({ file, maxRemembered: settings.maxRemembered, clock, log });
  }

  /** Begins with what an earlier process has left. */
  static start(options: CommanderOptions): Commander {
    const commander = new Commander(options);
    commander.takeUp();
    return commander;
  }

  /** In words for the operator; null when well. */
  trouble(): string | null {
    return this.store.trouble();
  }

  connected(publish: PublishAnswer): void {
    this.outbox.connected(publish);
  }

  disconnected(): void {
    this.outbox.disconnected();
  }

  /** Synchronous up to the point where it is refused or waits for its device. */
  take(bytes: Buffer, isRetained: boolean): void {
    // Who deletes a retained message publishes nothing in its place, and all who listen are given that.
    if (this.stop.signal.aborted || bytes.length === 0) return;
    this.takeUp();
    const isTooMuch = !this.pace.allows();
    const command = readCommand(bytes, this.options.gateway);
    if ('why' in command) {
      this.refuseMalformed(command);
      return;
    }
    const isKnown = this.answerAgain(command.id);
    if (isKnown === true) return;
    if (isTooMuch) this.refuseUnstored(command, problem('too-often', 'commands.mostPerMinute is reached'));
    else if (isKnown === null) this.refuseUnstored(command, problem('not-stored', unreadable));
    else this.consider(command, isRetained);
  }

  /** Called now and then, also to see whether the disk is well again. Of samples that were given so far; what it returns is called when the journal has them. */
  handOver(): () => void {
    this.takeUp();
    const ids = this.handed;
    this.handed = [];
    return () => {
      if (ids.length > 0) this.store.use((store) => store.journalled(ids));
    };
  }

  /** Waits for what is being carried out; the rest is refused. Idempotent. */
  async close(): Promise<void> {
    this.stop.abort();
    await this.turns.ended();
  }

  /** After the last samples were taken. Idempotent. */
  end(): void {
    this.store.close();
  }

  /** Once, and as soon as the disk lets it. */
  private takeUp(): void {
    if (this.stop.signal.aborted) return;
    this.store.reopen();
    if (this.isTakenUp || !this.store.isOpen) return;
    this.isTakenUp = true;
    this.store.use((store) => this.pace.recall(store, this.options.findTarget));
    for (const { command, answer } of this.store.use((store) => store.unjournalled()) ?? []) {
      if (answer !== null) this.record(command, answer);
    }
    for (const left of this.store.use((store) => store.unanswered()) ?? []) {
      this.run(left.command, () => this.endLeft(left));
    }
  }

  private async endLeft({ command, before }: Remembered): Promise<void> {
    const target = this.options.findTarget(command.device, command.tag);
    this.finish(command, await endInterrupted(before, target, this.stop.signal));
  }

  /** True where there was nothing else to do; null where that cannot be known. */
  private answerAgain(id: string): boolean | null {
    const known = this.store.use((store) => ({ remembered: store.find(id) }));
    const remembered = known?.remembered ?? null;
    const answer = remembered?.answer ?? this.held.find(id);
    if (answer === null && remembered === null && !this.turns.has(id)) return known === null ? null : false;
    this.metrics.repeated.inc();
    // One that has no end yet is answered when it has.
    if (answer !== null) this.outbox.add({ ...answer, repeated: true });
    return true;
  }

  private consider(command: CommandMessage, isRetained: boolean): void {
    const judged = this.judge(command, isRetained);
    if ('reason' in judged) {
      this.remember(command, endingOf('refused', judged));
      return;
    }
    this.run(command, () => this.carryOut(command, judged));
  }

  private judge(command: CommandMessage, isRetained: boolean): Deed | WriteProblem {
    const { settings, findTarget } = this.options;
    const wrong = headProblem(command, this.moment(), isRetained, settings);
    if (wrong !== null) return wrong;
    if (this.store.use((store) => store.mayBeForgotten(command.expires)) !== false) {
      return problem('expired', 'commands that expired as late were forgotten already: this may be one of them');
    }
    const target = findTarget(command.device, command.tag);
    if (target === undefined) return problem('unknown-tag');
    if (target === null) return problem('not-writable');
    const deed = deedOf(command, target);
    if ('reason' in deed) return deed;
    if (this.turns.size >= settings.maxWaiting) return problem('busy', 'commands.maxWaiting is reached');
    const { atMostEveryMs } = target.rules;
    if (this.pace.isTooSoon(target.tag, atMostEveryMs)) {
      return problem('too-often', `the tag is told something at most every ${atMostEveryMs} ms`);
    }
    return deed;
  }

  private run({ id, device }: CommandMessage, work: () => Promise<void>): void {
    this.turns.take(id, device, () =>
      work().catch((error: unknown) => {
        this.options.log.error({ ...errorFields(error), id }, 'a command could not be carried to its end');
      }),
    );
  }

  private async carryOut(command: CommandMessage, { expected, perform }: Deed): Promise<void> {
    let isNoted = false;
    const permit = (before: Value | null): WriteProblem | null => {
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
      : await perform(permit, this.stop.signal);
    if (isNoted) this.finish(command, ending);
    else this.remember(command, ending);
  }

  /** Of one that was not noted before: a copy that comes later is refused as the first. */
  private remember(command: CommandMessage, ending: Ending): void {
    const answer = this.answerOf(command, ending);
    if (this.note({ command, before: ending.before, answer }) !== true) {
      this.tell(this.heldAnswer(command, answer));
      return;
    }
    this.record(command, answer);
    this.tell(answer);
  }

  private refuseUnstored(command: CommandMessage, why: WriteProblem): void {
    this.tell(this.heldAnswer(command, this.answerOf(command, endingOf('refused', why))));
  }

  /** One that is malformed stays so: what is remembered is that its id was used. */
  private refuseMalformed({ why, id, expires }: Malformed): void {
    if (id !== null && this.answerAgain(id) === true) return;
    const { clock, log, settings } = this.options;
    log.warn({ id, why }, 'a command cannot be read: refused');
    const answer = this.answerOf({ id }, endingOf('refused', problem('malformed', why)));
    if (id !== null) this.hold(id, answer, expires ?? clock.now() + settings.longestMs * 1_000);
    this.tell(answer);
  }

  /** The sender is told whether it can rely on it. */
  private heldAnswer({ id, expires }: CommandMessage, answer: AnswerMessage): AnswerMessage {
    const sure = { ...answer, message: `${answer.message}; ${whileHeld}` };
    return this.hold(id, sure, expires) ? sure : { ...answer, message: `${answer.message}; ${unheld}` };
  }

  private hold(id: string, answer: AnswerMessage, expires: Micros): boolean {
    const isHeld = this.held.hold(id, answer, expires, this.options.clock.now());
    if (!isHeld) this.metrics.unheld.inc();
    return isHeld;
  }

  /** null where the disk does not let it, false where there is no room. One that would be valid for too long does not stay that long. */
  private note(remembered: Remembered): boolean | null {
    const { clock, settings } = this.options;
    const { command, answer } = remembered;
    const now = clock.now();
    const longest = answer?.reason === 'expires-too-late' ? now + settings.longestMs * 1_000 : command.expires;
    return this.store.use((store) => store.note(remembered, Math.min(command.expires, longest), now));
  }

  private finish(command: CommandMessage, ending: Ending): void {
    const answer = this.answerOf(command, ending);
    const isStored = this.store.use((store) => store.answered(answer)) === true;
    if (!isStored) this.hold(command.id, answer, command.expires);
    this.record(command, answer);
    this.tell(answer);
  }

  private record(command: CommandMessage, answer: AnswerMessage): void {
    this.options.emit([auditSample(command, answer)]);
    this.handed.push(command.id);
  }

  private tell(answer: AnswerMessage): void {
    const { id, device, tag, outcome, reason, by } = answer;
    this.metrics.answered.inc({ outcome, reason: reason ?? '' });
    this.options.log.info({ id, device, tag, outcome, reason, by }, 'a command was answered');
    this.outbox.add(answer);
  }

  private answerOf(about: About, ending: Ending): AnswerMessage {
    const { gateway, clock } = this.options;
    const { id = null, device = null, tag = null, by = null } = about;
    return { v: commandVersion, gateway, id, device, tag, ...ending, at: clock.now(), by, repeated: false };
  }

  private moment(): { now: Micros; isClockSet: boolean } {
    const now = this.options.clock.now();
    return { now, isClockSet: this.options.isClockSet(now) };
  }
}
