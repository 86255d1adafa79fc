import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A file that has its name only when it is whole and on the medium; until then it is `<name>.partial`. */
export class OutputFile {
  readonly file: string;
  private readonly handle: FileHandle;
  private isDone = false;

  private constructor(file: string, handle: FileHandle) {
    this.file = file;
    this.handle = handle;
  }

  static async create(file: string): Promise<OutputFile> {
    return new OutputFile(file, await open(partial(file), 'w'));
  }

  async write(text: string): Promise<void> {
    if (text !== '') await this.handle.appendFile(text);
  }

  async finish(): Promise<void> {
    await this.handle.sync();
    await this.handle.close();
    await rename(partial(this.file), this.file);
    this.isDone = true;
    const folder = await open(dirname(this.file), 'r');
    await folder.sync().finally(() => folder.close());
  }

  /** Leaves nothing, unless it was finished. */
  async discard(): Promise<void> {
    if (this.isDone) return;
    this.isDone = true;
    await this.handle.close().catch(() => undefined);
    await rm(partial(this.file), { force: true });
  }
}

const partial = (file: string): string => `${file}.partial`;
