import { describe, expect, test } from 'vitest';
import { commandOf, usage } from '../src/command-line.ts';

describe('the command line', () => {
  test.each(['bridge', 'processor', 'api', 'migrate', 'all', 'validate'])('knows %s, and says so', (role) => {
    expect(commandOf([role, '--config', 'ingest.yaml'])).toEqual({ role, file: 'ingest.yaml' });
    expect(usage).toContain(`  ${role} `);
  });

  test('gives help whatever else is asked', () => {
    expect(commandOf(['--help'])).toBe('help');
    expect(commandOf(['bogus', '-h'])).toBe('help');
  });

  test.each([
    [[], 'which role'],
    [['bogus'], 'no role bogus'],
    [['toString'], 'no role toString'],
    [['bridge'], '--config'],
    [['bridge', 'api', '--config', 'x'], 'one role at a time'],
    [['bridge', '--conf', 'x'], '--conf'],
  ])('says what is wrong with %j', (args, message) => {
    expect(commandOf(args)).toEqual({ wrong: expect.stringContaining(message) });
  });
});
