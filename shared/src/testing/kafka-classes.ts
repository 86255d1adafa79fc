/**
 * The classes that a broker loads, as Java keeps them for its next start: a start takes half the time with them, and a run of
 * all tests has some twenty. They stand beside the jars; another Java or other jars than they were made with ignore them.
 */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { jarFolder, startKafka } from './kafka.ts';

/** Where they are; empty where they cannot be kept. Made by the first run, which starts one broker more for it. */
export async function keepKafkaClasses(): Promise<string> {
  const archive = join(jarFolder(), 'classes.jsa');
  if (existsSync(archive)) return archive;
  const made = `${archive}.${process.pid}`;
  const broker = await startKafka({ java: [`-XX:ArchiveClassesAtExit=${made}`] });
  // Java writes them when it ends in order.
  await broker.stop();
  await broker.close();
  if (!existsSync(made)) return '';
  renameSync(made, archive);
  return archive;
}
