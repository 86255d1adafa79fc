/**
 * Keeps the classes that a broker loads in the form that Java reads quickest: a start takes half the time with them, and a run
 * of all tests has some twenty. Java ignores them where it, or a jar, is another one than they were made with.
 */
import { existsSync, renameSync } from 'node:fs';
import { classArchive, startKafka } from './kafka.ts';

/** Makes them where they are not there yet, with one broker that is started for it. */
export async function keepKafkaClasses(): Promise<void> {
  const archive = classArchive();
  if (existsSync(archive)) return;
  const made = `${archive}.${process.pid}`;
  const broker = await startKafka({ java: [`-XX:ArchiveClassesAtExit=${made}`] });
  // Java writes them when it ends in order.
  await broker.stop();
  await broker.close();
  renameSync(made, archive);
}
