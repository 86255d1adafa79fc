"""What another library reads of what was written, decoded by that library and by Python, as JSON: its one argument is the port"""

import json
import struct
import sys

from pymodbus.client import ModbusTcpClient

client = ModbusTcpClient("127.0.0.1", port=int(sys.argv[1]))
client.connect()
TYPES = client.DATATYPE
registers = client.read_holding_registers(100, count=60).registers


def at(address, count):
    return registers[address - 100 : address - 100 + count]


def decode(address, count, kind, order="big"):
    return client.convert_from_registers(at(address, count), kind, word_order=order)


print(
    json.dumps(
        {
            "coils": client.read_coils(0, count=3).bits[:3],
            "int16": decode(100, 1, TYPES.INT16),
            "int32": decode(101, 2, TYPES.INT32, "little"),
            "uint64": str(decode(103, 4, TYPES.UINT64)),
            "float32": decode(107, 2, TYPES.FLOAT32),
            "float64": decode(109, 4, TYPES.FLOAT64, "little"),
            "text": decode(113, 5, TYPES.STRING).rstrip("\0"),
            "float16": struct.unpack(">e", struct.pack(">H", at(118, 1)[0]))[0],
            "bcd": "".join(f"{word:04x}" for word in at(119, 2)),
            "flags": at(121, 1)[0],
            "untouched": at(122, 1)[0],
        }
    )
)
client.close()
