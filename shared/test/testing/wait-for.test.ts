import { waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';

test('waitFor gives the first truthy answer and takes errors for "not yet"', async () => {
  let calls = 0;
  const answer = await waitFor(() => {
    calls += 1;
    if (calls === 1) throw new Error('too early');
    return calls === 3 ? 'there' : '';
  });
  expect(answer).toBe('there');
});

test('waitFor names what it waited for and keeps the last error', async () => {
  const condition = (): boolean => {
    throw new Error('no such table');
  };
  const waiting = waitFor(condition, { timeoutMs: 20, what: 'the table' });
  await expect(waiting).rejects.toThrow('waited 20 ms for the table');
  await expect(waiting).rejects.toHaveProperty('cause.message', 'no such table');
});
