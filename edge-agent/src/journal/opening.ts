import { type Micros, SampleColumns } from '@fieldline/shared/contracts';
import type { Disk } from './disk.ts';
import { type Folder, openFolder } from './folder.ts';
import { lastSamplesIn } from './last/found-lasts.ts';
import type { Moment } from './note.ts';
import type { JournalOptions } from './options.ts';
import type { JournalParts } from './parts.ts';
import type { SegmentHead } from './segment.ts';
import type { StreamWriter } from './stream-writer.ts';
import { isDiskTrouble } from './trouble.ts';
import { isBelieved } from './undated/boot.ts';
import { encodedAt, restartLoss } from './undated/restart-loss.ts';

/** Takes the folder of a journal, with what earlier openings have left, and begins an opening in it: at the start, and after each outage. */
export class Opening {
  /** undefined until it could be read for the first time. */
  folder: Folder | undefined;
  private readonly options: JournalOptions;
  private readonly parts: JournalParts;
  private readonly startedAt: Moment;
  /** When this process began, by a clock that is set; null as long as it is not. */
  private begunAt: Micros | null;

  constructor(options: JournalOptions, parts: JournalParts) {
    this.options = options;
    this.parts = parts;
    // Both clocks now: reading the folder takes its time.
    this.startedAt = { at: options.clock.now(), boot: options.boot.id, micros: options.boot.micros() };
    this.begunAt = isBelieved(this.startedAt.at) ? this.startedAt.at : null;
  }

  /** @throws FieldlineError journal/in-use, journal/foreign; SqliteError or a system error where the disk takes nothing */
  begin(): void {
    try {
      this.beginStreams();
    } catch (error) {
      if (!isDiskTrouble(error) || !this.parts.retention.freeConfirmed()) throw error;
      this.beginStreams();
    }
  }

  private beginStreams(): void {
    this.folder?.regain();
    const { disk } = this.folder ?? this.takeFolder();
    const { chain, lastSamples, losses, note, outage, store } = this.parts;
    losses.gone(disk.gone(), disk);
    const headOf = (stream: string): SegmentHead => chain.headOf(!chain.isOpening(stream));
    store.moveToDisk(disk, headOf, note.text(), (stream, ranges) => lastSamples.settled(stream, ranges));
    const writers = chain.next();
    for (const writer of writers) this.beginStream(writer, disk);
    chain.use(writers);
    outage.over();
    disk.setAsideUnproven();
  }

  /** The clock is set, and this process began at that time: what the end of an earlier one has lost is declared now. */
  timeCame(begunAt: Micros): void {
    const { note, pending } = this.parts;
    this.begunAt = begunAt;
    const lostSince = note.unset?.lostSince ?? null;
    note.unset = null;
    note.urgent();
    if (lostSince !== null) pending.declare([restartLoss(lostSince, begunAt)]);
  }

  /** Its first batch. What waits to be declared goes with the first stream. */
  private beginStream(writer: StreamWriter, disk: Disk): void {
    const { chain, losses, note, pending, store } = this.parts;
    const declared = [...pending.declarations, ...losses.waiting];
    const encoded = writer.encode(
      new SampleColumns(),
      declared,
      0,
      encodedAt(this.options.clock.now(), () => store.lastAt),
    );
    const batches = encoded.map(({ batch }) => batch);
    losses.writeWaiting(() => disk.begin(batches, chain.headOf(false), note.text()));
    pending.declarationsWritten();
    store.hold(batches);
    note.wrote(batches);
    chain.wrote(writer);
  }

  private takeFolder(): Folder {
    const { chain, lastSamples, losses, note, pending, store, thinning } = this.parts;
    const folder = openFolder(this.options, this.startedAt, this.options.log);
    this.folder = folder;
    note.incarnation = folder.note.incarnation;
    note.number = folder.note.number;
    note.undated = folder.note.undated;
    note.unset = { lostSince: folder.lostSince };
    note.declaring = folder.note.declaring;
    if (folder.disk.postponed.length > 0) note.expected = new Map(folder.note.held);
    note.unknownEnds = folder.unknownEnds;
    chain.found(folder.ends);
    const { isRemembered, subjectOf } = this.options;
    if (isRemembered !== undefined)
      lastSamples.found(lastSamplesIn(folder, { isRemembered, subjectOf }, this.startedAt.at));
    folder.disk.lastSamplesOf = (tagClass) => lastSamples.stated(tagClass);
    folder.disk.beforeRemoval = () => note.catchUp((text) => folder.disk.writeNote(text));
    store.load(folder.disk, folder.note.confirmed);
    thinning.unsent.found(folder.disk, folder.note.unsent);
    pending.declare(losses.found(folder.declared));
    if (this.begunAt !== null) this.timeCame(this.begunAt);
    return folder;
  }
}
