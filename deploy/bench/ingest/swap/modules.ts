/**
 * Replaces modules of a program before it starts, by `node --import`: everything else of it stays as it is run in earnest. A
 * replacement states the types of what it replaces, so it no longer compiles when that changes.
 */
import { registerHooks } from 'node:module';

/** From the end of a module's address, e.g. `/decode/registry.ts`, to the replacement; which may itself import what it replaces. */
export function swapModules(replacements: Readonly<Record<string, URL>>): void {
  registerHooks({
    resolve: (specifier, context, nextResolve) => {
      const resolved = nextResolve(specifier, context);
      const end = Object.keys(replacements).find((each) => resolved.url.endsWith(each));
      const replacement = end === undefined ? undefined : replacements[end];
      if (replacement === undefined || context.parentURL === replacement.href) return resolved;
      return { ...resolved, url: replacement.href };
    },
  });
}
