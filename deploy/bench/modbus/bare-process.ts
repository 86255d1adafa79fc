/**
 * What a Modbus poller cannot do without, and nothing else: one socket a device, a request at each turn, the registers of the reply as
 * numbers, a forced write to SQLite and a publish at QoS 1 with each flush. It checks nothing, plans nothing and loses what fails: it is what
 * the CPU time of the agent is compared with, since that of a virtual core changes from hour to hour.
 */
import { connect, type Socket } from 'node:net';
import Database from 'better-sqlite3';
import { connectAsync } from 'mqtt';

export type BareOptions = {
  readonly devices: readonly BareDevice[];
  readonly everyMs: number;
  readonly flushMs: number;
  readonly file: string;
  readonly broker: string;
};
export type BareDevice = {
  readonly port: number;
  readonly unit: number;
  readonly functionCode: number;
  readonly first: number;
  readonly registers: number;
};

/** Transaction, protocol, length; unit, function, byte count. */
const [headerBytes, replyHeadBytes, bytesPerSample] = [6, 9, 8];

const [text = ''] = process.argv.slice(2);
const options: BareOptions = JSON.parse(text);
const registers = options.devices.reduce((sum, device) => sum + device.registers, 0);
const pending = Buffer.alloc(2 * bytesPerSample * registers * Math.ceil(options.flushMs / options.everyMs));
let used = 0;

const database = new Database(options.file);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec('CREATE TABLE batch (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL)');
const insert = database.prepare('INSERT INTO batch (bytes) VALUES (?)');
const broker = await connectAsync(options.broker);

setInterval(() => {
  if (used === 0) return;
  const batch = Buffer.from(pending.subarray(0, used));
  used = 0;
  insert.run(batch);
  broker.publish('bare', batch, { qos: 1 });
}, options.flushMs);

for (const [index, device] of options.devices.entries()) {
  const socket = connect({ host: '127.0.0.1', port: device.port, noDelay: true });
  const poll = (): void => void socket.write(requestOf(device));
  const begin = (): void => {
    poll();
    setInterval(poll, options.everyMs);
  };
  setTimeout(begin, (index * options.everyMs) / options.devices.length);
  takeReplies(socket, device);
}

function requestOf({ unit, functionCode, first, registers: count }: BareDevice): Buffer {
  const frame = Buffer.alloc(headerBytes + 6);
  frame.writeUInt16BE(6, 4);
  frame.writeUInt8(unit, 6);
  frame.writeUInt8(functionCode, 7);
  frame.writeUInt16BE(first, 8);
  frame.writeUInt16BE(count, 10);
  return frame;
}

function takeReplies(socket: Socket, { registers: count }: BareDevice): void {
  const wholeBytes = replyHeadBytes + 2 * count;
  let received = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    if (received.length < wholeBytes) return;
    for (let n = 0; n < count && used < pending.length; n++) {
      used = pending.writeDoubleLE(received.readUInt16BE(replyHeadBytes + 2 * n), used);
    }
    received = received.subarray(wholeBytes);
  });
}
