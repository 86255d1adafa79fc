import { headerBytes, isHeader, TcpPort } from './tcp-port.ts';

/** Modbus over UDP: the frames of TCP, each a datagram of its own; one that is none is thrown away alone. */
export class UdpPort extends TcpPort {
  protected override receive(datagram: Buffer): void {
    const isFrame =
      datagram.length > headerBytes && isHeader(datagram) && datagram.length === headerBytes + datagram.readUInt16BE(4);
    if (isFrame) this.take(datagram.readUInt16BE(0), datagram.subarray(headerBytes));
    else this.onLate(false);
  }
}
