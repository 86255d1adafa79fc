import { describe, expect, test } from 'vitest';
import { invocationOf, usage } from '../src/command-line.ts';

describe('the command line', () => {
  test.each(['bridge', 'processor', 'api', 'all', 'validate'])('knows %s, and says so', (role) => {
    expect(invocationOf([role, '--config', 'ingest.yaml'])).toEqual({ role, file: 'ingest.yaml' });
    expect(usage).toContain(`  ${role} `);
  });

  test('takes the settings file out of what a command is given', () => {
    const migrate = { command: 'migrate', args: ['--dry-run', 'x'], file: 'ingest.yaml' };
    expect(invocationOf(['migrate', '--dry-run', '--config', 'ingest.yaml', 'x'])).toEqual(migrate);
    expect(invocationOf(['migrate', '--config=ingest.yaml', '--dry-run', 'x'])).toEqual(migrate);
    expect(invocationOf(['migrate', '--help'])).toEqual({ command: 'migrate', args: ['--help'], file: null });
    expect(usage).toContain('  migrate ');
  });

  test('gives help whatever else is asked', () => {
    expect(invocationOf(['--help'])).toBe('help');
    expect(invocationOf(['bogus', '-h'])).toBe('help');
  });

  test.each([
    [[], 'which role'],
    [['bogus'], 'no role or command bogus'],
    [['toString'], 'no role or command toString'],
    [['bridge'], '--config'],
    [['migrate'], '--config'],
    [['--config', 'x', 'migrate'], 'migrate comes first'],
    [['bridge', 'api', '--config', 'x'], 'one role at a time'],
    [['bridge', '--conf', 'x'], '--conf'],
  ])('says what is wrong with %j', (args, message) => {
    expect(invocationOf(args)).toEqual({ wrong: expect.stringContaining(message) });
  });
});
