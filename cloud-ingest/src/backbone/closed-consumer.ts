/** A loop that polls on would turn for ever: it is the loop that is wrong, so this is none of the errors that are tried again. */
export const closedConsumer = (topic: string): Error =>
  new Error(`a consumer of ${topic} was polled after it had been closed`);
