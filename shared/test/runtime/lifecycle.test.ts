import { Lifecycle } from '@fieldline/shared/runtime';
import { describe, expect, it } from 'vitest';

describe('a lifecycle', () => {
  it('closes in the reverse order, once', async () => {
    const closed: string[] = [];
    const lifecycle = new Lifecycle();
    for (const name of ['database', 'broker', 'reader']) lifecycle.add(name, () => void closed.push(name));
    await Promise.all([lifecycle.close(), lifecycle.close()]);
    await lifecycle.close();
    expect(closed).toEqual(['reader', 'broker', 'database']);
  });

  it('closes the others when one fails, and names the one that failed', async () => {
    const closed: string[] = [];
    const lifecycle = new Lifecycle();
    lifecycle.add('database', () => void closed.push('database'));
    lifecycle.add('broker', () => Promise.reject(new Error('gone')));
    await expect(lifecycle.close()).rejects.toThrow('closing broker failed');
    expect(closed).toEqual(['database']);
  });
});
