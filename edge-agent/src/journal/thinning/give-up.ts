/** A segment stays as it is: it cannot be thinned. */
export class GiveUp extends Error {}
