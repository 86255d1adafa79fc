"""A Modbus TCP server of pymodbus, its registers encoded by that library and by Python: {"port": number} as its one argument.

It prints a line when it listens.
"""

import asyncio
import json
import struct
import sys
from datetime import datetime, timezone

from pymodbus.client.mixin import ModbusClientMixin
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusTcpServer

TYPES = ModbusClientMixin.DATATYPE
encode = ModbusClientMixin.convert_to_registers
registers = [0] * 200


def put(address, values):
    registers[address : address + len(values)] = values


def words(data):
    return list(struct.unpack(f">{len(data) // 2}H", data))


put(0, encode(-12345, TYPES.INT16))
put(1, encode(-1234567890, TYPES.INT32))
put(3, encode(-1234567890, TYPES.INT32, word_order="little"))
put(5, encode(2**53 + 1, TYPES.UINT64))
put(9, encode(2**64 - 2, TYPES.UINT64, word_order="little"))
put(13, encode(123.456, TYPES.FLOAT32, word_order="little"))
put(15, encode(-2.5e-300, TYPES.FLOAT64))
put(19, encode("Zähler 7", TYPES.STRING))
put(30, words(struct.pack(">e", 0.333251953125)))
put(31, [int("1234", 16), int("5678", 16)])
put(33, [1_234_567_890_123 // 10_000**n % 10_000 for n in range(4)])
now = datetime(2026, 11, 27, 14, 30, 12, tzinfo=timezone.utc)
put(37, encode(int(now.timestamp()), TYPES.UINT32))
put(39, words(bytes(int(part, 16) for part in now.strftime("%y %m %d %H %M %S").split())))
put(42, encode([n in (1, 4, 5) for n in range(16)], TYPES.BITS))
put(43, encode(2305, TYPES.UINT16))
put(44, encode(-1, TYPES.INT16))
put(45, words(struct.pack(">q", -5)[2:]))
put(48, words(struct.pack(">bB", -7, 200)))


async def main():
    # The block counts from 1, the wire from 0.
    coils = ModbusSequentialDataBlock(1, [False] * 16)
    device = ModbusDeviceContext(co=coils, hr=ModbusSequentialDataBlock(1, registers))
    context = ModbusServerContext(devices=device, single=True)
    server = ModbusTcpServer(context, address=("127.0.0.1", json.loads(sys.argv[1])["port"]))
    await server.serve_forever(background=True)
    print("listening", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
