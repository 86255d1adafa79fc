import { FieldlineError } from '@fieldline/shared/contracts';

/** @throws FieldlineError journal/foreign where what the folder holds is another gateway's */
export function checkGateway({ folder, gateway }: { folder: string; gateway: string }, theirs: string): void {
  if (theirs === gateway) return;
  throw new FieldlineError(
    'journal/foreign',
    `the journal folder ${folder} holds batches of gateway ${theirs}, not ${gateway}: set journal.folder to another one, ` +
      `or set gateway back to ${theirs} until they are sent`,
  );
}
