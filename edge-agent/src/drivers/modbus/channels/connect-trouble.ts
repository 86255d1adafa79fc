/** What to look at when a connection fails for the reason that the system gives; nothing is added where that says it. */
const hints: readonly (readonly [code: string, hint: string])[] = [
  ['ECONNREFUSED', 'nothing listens there: are address and port right, and is Modbus switched on in the device?'],
  ['ENOTFOUND', 'this name is not known: correct it, or state the address in numbers'],
  ['EAI_AGAIN', 'the name server does not answer: state the address in numbers, or look at the network of the gateway'],
  ['EHOSTUNREACH', 'no way leads there: is the device on, and in the same network?'],
  ['ENETUNREACH', 'no way leads there: look at the network of the gateway'],
];

export function connectTrouble(reason: string): string {
  const hint = hints.find(([code]) => reason.includes(code))?.[1];
  return hint === undefined ? reason : `${reason}; ${hint}`;
}
