import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { troubleOf } from '../../src/store/trouble.ts';

const errorOf = (code: string, constraint?: string): Error => {
  const error = new pg.DatabaseError('no', 2, 'error');
  error.code = code;
  error.constraint = constraint;
  return error;
};

describe('an error of PostgreSQL', () => {
  test.each([
    ['22P05', 'database/data'],
    ['23502', 'database/data'],
    ['42501', 'database/refused'],
    ['28P01', 'database/refused'],
    ['3D000', 'database/refused'],
    ['42P01', 'database/refused'],
    ['08006', 'database/unreachable'],
    ['57P01', 'database/unreachable'],
    ['57P03', 'database/unreachable'],
    ['53100', 'database/busy'],
    ['40P01', 'database/busy'],
    ['55P03', 'database/busy'],
    ['57014', 'database/busy'],
    ['XX000', 'database/busy'],
  ])('with SQLSTATE %s is %s', (state, code) => {
    expect(troubleOf(errorOf(state)).code).toBe(code);
  });

  test('that an upgrade of TimescaleDB left behind says how to end it', () => {
    expect(troubleOf(errorOf('58P01'))).toMatchObject({
      code: 'database/busy',
      message: expect.stringContaining('ALTER EXTENSION timescaledb UPDATE'),
    });
  });

  test('is the fault of a row only where a constraint with a name says so', () => {
    expect(troubleOf(errorOf('23514', 'plausible')).code).toBe('database/data');
    expect(troubleOf(errorOf('23514')).code).toBe('database/busy');
  });

  test('that came without an answer is a lost connection', () => {
    expect(troubleOf(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })).code).toBe(
      'database/unreachable',
    );
    expect(troubleOf(new Error('Connection terminated unexpectedly')).code).toBe('database/unreachable');
  });
});
