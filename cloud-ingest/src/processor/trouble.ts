import { type FieldlineError, isFieldlineError } from '@fieldline/shared/contracts';

/** Trouble that passes, or that somebody mends while we wait; everything else ends the processor. */
export const isDatabaseTrouble = (error: unknown): error is FieldlineError =>
  isFieldlineError(error, 'database/unreachable') ||
  isFieldlineError(error, 'database/busy') ||
  isFieldlineError(error, 'database/refused');

export const isBackboneTrouble = (error: unknown): error is FieldlineError =>
  isFieldlineError(error, 'backbone/unreachable') || isFieldlineError(error, 'backbone/refused');
