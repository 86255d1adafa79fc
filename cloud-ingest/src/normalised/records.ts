/** Stored samples as records of the normalised topic (shared/src/contracts/normalised.ts says what stands in them). */
import { type DecodedBatch, normalisedVersion, type Tag } from '@fieldline/shared/contracts';
import type { NewRecord } from '../backbone/backbone.ts';
import { positionsOf } from '../decode/entries.ts';
import { periodAt } from '../store/periods.ts';
import type { Written } from '../store/write-rows.ts';

/** A record ends when it has grown to this: below what any Kafka takes by default. */
const maxRecordBytes = 400_000;
/** Longer texts are left to the database. */
const maxTextBytes = 300_000;

/** Batch by batch, and within a batch device by device. */
export function* recordsOf(written: Written): Generator<NewRecord> {
  const refused = new Set(written.refused.map(({ row }) => row));
  for (const [index, { gateway, batch, positions }] of written.batches.entries()) {
    const samples = new SampleWriter(written, batch, written.rows.firstRow[index] ?? 0, positions);
    for (const [device, places] of placesByDevice(batch)) {
      const open = new OpenRecord(gateway, device, batch);
      for (const place of places) {
        if (refused.has(samples.firstRow + place)) continue;
        const sample = samples.write(place);
        if (open.isFullWith(sample)) yield open.close();
        open.add(sample);
      }
      if (open.hasSamples) yield open.close();
    }
  }
}

function placesByDevice({ tags, tagIndex }: DecodedBatch): Map<string, number[]> {
  const devices = new Map<string, number[]>();
  for (let place = 0; place < tagIndex.length; place++) {
    const { device } = tags[tagIndex[place] as number] as Tag;
    const places = devices.get(device);
    if (places === undefined) devices.set(device, [place]);
    else places.push(place);
  }
  return devices;
}

type WrittenSample = { readonly json: string; readonly bytes: number };

class SampleWriter {
  readonly firstRow: number;
  private readonly written: Written;
  private readonly batch: DecodedBatch;
  private readonly positions: readonly number[] | null;
  /** The last one: neighbours often have the same. */
  private unit: string | null = null;
  private unitSaid: UnitJson = { json: 'null', more: 0 };

  constructor(written: Written, batch: DecodedBatch, firstRow: number, positions: readonly number[] | undefined) {
    this.written = written;
    this.batch = batch;
    this.firstRow = firstRow;
    this.positions = positions ?? (batch.rejected.length === 0 ? null : positionsOf(batch));
  }

  /** Ids, types and numbers need no escaping; only a unit and a text do. */
  write(place: number): WrittenSample {
    const { rows, rulesOf } = this.written;
    const row = this.firstRow + place;
    const { tag, type } = this.batch.tags[this.batch.tagIndex[place] as number] as Tag;
    const time = rows.time[row] as number;
    const value = rows.value[row] as number;
    const { periods } = rulesOf(rows.seriesIds[rows.slot[row] as number] as number);
    const { unit } = periods.length === 1 ? periods[0] : periodAt(periods, time);
    const said = this.unitJson(unit);
    const text = rows.text.get(row);
    const json =
      `{"tag":"${tag}","type":"${type}","unit":${said.json},"time":${time},"value":${Number.isNaN(value) ? 'null' : value},` +
      `${text === undefined ? '' : textJson(text)}"quality":${rows.quality[row]},"position":${this.positions?.[place] ?? place}}`;
    return { json, bytes: text === undefined ? json.length + said.more : Buffer.byteLength(json) };
  }

  private unitJson(unit: string | null): UnitJson {
    if (unit === this.unit) return this.unitSaid;
    const json = JSON.stringify(unit);
    this.unit = unit;
    this.unitSaid = { json, more: Buffer.byteLength(json) - json.length };
    return this.unitSaid;
  }
}

/** `more`: bytes beyond one for each character. */
type UnitJson = { readonly json: string; readonly more: number };

function textJson(text: string): string {
  const json = JSON.stringify(text);
  return Buffer.byteLength(json) > maxTextBytes ? '"omitted":true,' : `"text":${json},`;
}

/** The record of a device that is being written, and the next one after it. */
class OpenRecord {
  private readonly key: string;
  private readonly head: string;
  private samples: string[] = [];
  private bytes = 0;

  constructor(gateway: string, device: string, { stream, seq }: DecodedBatch) {
    this.key = `${gateway}/${device}`;
    this.head = `{"v":${normalisedVersion},"gateway":"${gateway}","device":"${device}","stream":"${stream}","seq":${seq},"samples":[`;
  }

  get hasSamples(): boolean {
    return this.samples.length > 0;
  }

  isFullWith({ bytes }: WrittenSample): boolean {
    return this.hasSamples && this.bytes + bytes > maxRecordBytes;
  }

  add({ json, bytes }: WrittenSample): void {
    this.samples.push(json);
    this.bytes += bytes + 1;
  }

  close(): NewRecord {
    const value = Buffer.from(`${this.head}${this.samples.join(',')}]}`);
    this.samples = [];
    this.bytes = 0;
    return { key: this.key, value, headers: {} };
  }
}
