"""A Modbus server of another library that says who it is, on TCP or a serial port: python3 identifying-server.py PORT|PATH"""

import asyncio
import sys

from pymodbus import ModbusDeviceIdentification
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import StartAsyncSerialServer, StartAsyncTcpServer

# With these texts the regular objects take two answers, and the extended ones four.
identity = ModbusDeviceIdentification(
    info={
        0x00: "Acme Meters",
        0x01: "AM-3",
        0x02: "2.7",
        0x03: "https://acme.example/" + "u" * 100,
        0x04: "Meter " + "p" * 80,
        0x05: "AM-3-RS485",
        0x06: "hall " + "h" * 60,
        0x80: "made 2026",
        0x81: "x" * 200,
        0xA0: "y" * 230,
        0xFF: "last",
    }
)


def device(value):
    return ModbusDeviceContext(hr=ModbusSequentialDataBlock(1, [value] * 10))


context = ModbusServerContext(devices={3: device(33), 7: device(77)}, single=False)
place = sys.argv[1]
if place.isdigit():
    serving = StartAsyncTcpServer(context, identity=identity, address=("127.0.0.1", int(place)))
else:
    serving = StartAsyncSerialServer(context, identity=identity, port=place, baudrate=19200)
asyncio.run(serving)
