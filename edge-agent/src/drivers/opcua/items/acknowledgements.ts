/**
 * What the server need not keep any more, as the journal has it: goes with the next publish requests, and again with those after a
 * break, where it is not known to have arrived. Outlives the sessions of a server. Bounded by what comes between two flushes of the
 * journal, since nothing waits here while messages come.
 */
export type Acknowledgement = { readonly subscriptionId: number; readonly sequenceNumber: number };

export type Acknowledgements = ReturnType<typeof createAcknowledgements>;

export function createAcknowledgements() {
  let waiting: Acknowledgement[] = [];
  return {
    add: (acknowledgement: Acknowledgement): void => {
      waiting.push(acknowledgement);
    },
    take: (): readonly Acknowledgement[] => {
      const taken = waiting;
      waiting = [];
      return taken;
    },
    /** They did not arrive, or nobody knows. */
    giveBack: (taken: readonly Acknowledgement[]): void => {
      waiting.unshift(...taken);
    },
    /** The subscription is no more. */
    forget: (subscriptionId: number): void => {
      waiting = waiting.filter((each) => each.subscriptionId !== subscriptionId);
    },
  };
}
