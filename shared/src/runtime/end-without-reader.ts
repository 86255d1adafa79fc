/**
 * Ends the program when nobody reads what it prints any more, as behind `… | head`: without a word, since the reader has what
 * it wanted. Lines of the log are no reason: a log that nobody reads stops no gateway.
 */
export function endWithoutReader(end: () => void = () => process.exit()): void {
  let isEnding = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (!isEnding) end();
    isEnding = true;
  });
}
