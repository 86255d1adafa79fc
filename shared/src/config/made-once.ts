/** What follows from one thing and a few settings: devices of one kind share the list of their tags, and what is made of it. */
export class MadeOnce<Thing extends object, Made extends NonNullable<unknown>> {
  private readonly known = new WeakMap<Thing, Map<string, Made>>();

  /** `settings`: all that it depends on beside the thing. Kept as long as the thing is in use. */
  of(thing: Thing, settings: unknown, make: () => Made): Made {
    const made = this.known.get(thing) ?? new Map<string, Made>();
    this.known.set(thing, made);
    const key = JSON.stringify(settings);
    const result = made.get(key) ?? make();
    made.set(key, result);
    return result;
  }
}
