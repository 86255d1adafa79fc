import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FlightRecorderSettings } from '@fieldline/shared/config/flight-recorder';
import { type ModbusLink, modbusFraming, modbusLinkName } from '@fieldline/shared/config/modbus-link';
import type { Clock, Log } from '@fieldline/shared/runtime';
import type { Channel } from '../channels/channel.ts';
import type { ModbusMetrics } from '../metrics.ts';
import { FrameRing } from './frame-ring.ts';
import { pcapng } from './pcapng.ts';

const maxRingBytes = 256 * 1024;
/** A link with trouble has it again and again: one recording of it is enough for a while, and one of all at a time. */
const perLinkEveryMs = 600_000;
const anyEveryMs = 10_000;
const fileName = /^modbus-.*\.pcapng$/;

type Ring = { readonly ring: FrameRing; readonly link: ModbusLink; notBeforeMs: number };

type Parts = { readonly clock: Clock; readonly log: Log; readonly metrics: ModbusMetrics };

/** Keeps the last frames of each link in memory, gives them on request, and writes them to files when something is wrong. */
export class FlightRecorder {
  private readonly settings: FlightRecorderSettings;
  private readonly parts: Parts;
  private readonly rings = new Map<string, Ring>();
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  private writing: Promise<void> = Promise.resolve();

  constructor(settings: FlightRecorderSettings, parts: Parts, links: readonly ModbusLink[]) {
    this.settings = settings;
    this.parts = parts;
    if (settings.memoryBytes === 0) return;
    const fairBytes = Math.floor(settings.memoryBytes / Math.max(1, links.length));
    const ringBytes = Math.min(maxRingBytes, fairBytes);
    for (const link of links) {
      const ring = new FrameRing(ringBytes);
      this.rings.set(modbusLinkName(link), { ring, link, notBeforeMs: Number.NEGATIVE_INFINITY });
    }
  }

  /** The same channel, recorded. */
  record(link: string, channel: Channel): Channel {
    const ring = this.rings.get(link)?.ring;
    if (ring === undefined) return channel;
    const { clock } = this.parts;
    ring.add('connected', Buffer.alloc(0), clock.now());
    return {
      ...channel,
      write: (bytes) => {
        ring.add('sent', bytes, clock.now());
        channel.write(bytes);
      },
      onBytes: (listener) =>
        channel.onBytes((bytes) => {
          ring.add('received', bytes, clock.now());
          listener(bytes);
        }),
    };
  }

  /** What is kept of one link, or of all, in one file; a text where nothing is kept of it, and of which there is. */
  recordings(link: string | null): Buffer | string {
    if (link !== null && !this.rings.has(link)) return this.noneOf(link);
    const rings = [...this.rings].filter(([name]) => link === null || name === link);
    return pcapng(rings.map(([, ring]) => recordingOf(ring)));
  }

  private noneOf(link: string): string {
    const names = [...this.rings.keys()];
    if (names.length === 0) return 'nothing is recorded: flightRecorder.memoryBytes is 0';
    return `no link is called ${JSON.stringify(link)}: ?link= takes ${names.join(', ')}`;
  }

  /** Something is wrong on a link: what led to it is written, unless that was done a short while ago. */
  keep(link: string, what: string): void {
    const ring = this.rings.get(link);
    const { folder } = this.settings;
    if (folder === undefined || ring === undefined) return;
    const nowMs = this.parts.clock.monotonicMs();
    if (nowMs < Math.max(this.notBeforeMs, ring.notBeforeMs)) {
      this.parts.metrics.recordings.inc({ result: 'skipped' });
      return;
    }
    this.notBeforeMs = nowMs + anyEveryMs;
    ring.notBeforeMs = nowMs + perLinkEveryMs;
    const content = pcapng([recordingOf(ring)]);
    this.writing = this.writing.then(() => this.write(folder, link, what, content));
  }

  /** Resolves when what is to be written is written. */
  close(): Promise<void> {
    return this.writing;
  }

  private async write(folder: string, link: string, what: string, content: Buffer): Promise<void> {
    const { clock, log, metrics } = this.parts;
    const time = new Date(clock.now() / 1_000).toISOString().replaceAll(/[:.]/g, '-');
    const file = join(folder, `modbus-${time}-${link.replaceAll(/[^\w.-]+/g, '_').slice(-80)}-${what}.pcapng`);
    try {
      await mkdir(folder, { recursive: true });
      await writeFile(`${file}.part`, content);
      await rename(`${file}.part`, file);
      await this.prune(folder);
      metrics.recordings.inc({ result: 'written' });
      log.info({ link, file }, 'the last frames of the link were written: Wireshark reads them');
    } catch (error) {
      metrics.recordings.inc({ result: 'failed' });
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ link, reason }, 'the last frames of the link could not be written');
    }
  }

  private async prune(folder: string): Promise<void> {
    const files = (await readdir(folder)).filter((name) => fileName.test(name)).sort();
    const surplus = files.slice(0, Math.max(0, files.length - this.settings.maxFiles));
    for (const name of surplus) await rm(join(folder, name), { force: true });
  }
}

const recordingOf = ({ ring, link }: Ring) => ({
  link: modbusLinkName(link),
  framing: modbusFraming(link),
  recorded: ring.recorded(),
});
