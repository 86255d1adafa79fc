/**
 * How the columnstore lies on the disk, where rows may go straight to it. TimescaleDB has no settings of the table for
 * either, so they stand with the role that merges and with the type of its columns; both may be set back at any time, since
 * chunks of all kinds can be read beside each other. Bytes and times: docs/decisions/sample-index.md.
 */

/**
 * Rows of a compressed batch of a merged chunk. With the 1,000 that is usual its heads, indexes and half-filled pages take up
 * to a byte a sample; unpacking ten times as many rows costs who reads one series some 0.3 ms. What goes straight to the
 * columnstore has its own number (write-path.ts).
 */
const rowsOfMergedBatch = 10_000;

/**
 * The codes of times and values repeat themselves: gaps of whole seconds, an integer with a scale that comes back. TOAST finds
 * that, but its compression is off for these columns until their type allows it. `main`: and what fits stays in its page, since
 * to fetch each column of each batch by an index of its own was most of what it cost to read what is not merged yet, and a
 * third of what it cost to write it. Only who owns the type may change it: the administrator. Without that right chunks are
 * larger and slower, and nothing else is different.
 */
export const columnstoreStorage = `
  DO $storage$ BEGIN
    IF NOT EXISTS (SELECT FROM write_path) THEN RETURN; END IF;
    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET timescaledb.compression_batch_size_limit = ${rowsOfMergedBatch}',
      current_user, current_database());
    BEGIN
      ALTER TYPE _timescaledb_internal.compressed_data SET (STORAGE = main);
      -- As small as with pglz, for a fraction of the time; not every server is built with it.
      IF (SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression') THEN
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET default_toast_compression = lz4', current_user, current_database());
      END IF;
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE NOTICE 'the columnstore stays larger and slower: % does not own the type _timescaledb_internal.compressed_data', current_user;
    END;
  END $storage$`;
