/**
 * What other producers, or the broker (`compression.type`), may have compressed record batches with. KafkaJS knows gzip and
 * would stop at any other; Node's zlib has zstd, and the two others are short to read. We send uncompressed: batches are
 * compressed at the gateway.
 */
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import { readLz4 } from './lz4.ts';
import { readSnappy } from './snappy.ts';

/** A fetch brings 8 MiB at most; what becomes of it is bounded as well. */
export const maxDecompressedBytes = 256 * 1024 ** 2;

const zstd = promisify(zstdDecompress);

type Decompress = (bytes: Buffer) => Promise<Buffer>;

/** From here on all consumers of this process read them. */
export function addCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.ZSTD] = codec((bytes) => zstd(bytes, { maxOutputLength: maxDecompressedBytes }));
  CompressionCodecs[CompressionTypes.Snappy] = codec(async (bytes) => readSnappy(bytes, maxDecompressedBytes));
  CompressionCodecs[CompressionTypes.LZ4] = codec(async (bytes) => readLz4(bytes, maxDecompressedBytes));
}

const codec = (decompress: Decompress) => () => ({ decompress });
