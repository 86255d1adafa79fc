/** Something in the settings that a person should look at, and the key where it stands. */
export type Issue = { readonly path: readonly (string | number)[]; readonly message: string };

/** Problems are what cannot work, warnings what is probably not meant. */
export type Findings = { readonly problems: readonly Issue[]; readonly warnings: readonly Issue[] };
