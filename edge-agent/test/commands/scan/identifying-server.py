"""A Modbus server of another library that says who it is, on TCP or a serial port: python3 identifying-server.py PORT|PATH"""

import asyncio
import sys

from pymodbus import ModbusDeviceIdentification
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import StartAsyncSerialServer, StartAsyncTcpServer

identity = ModbusDeviceIdentification(
    info_name={"VendorName": "Acme Meters", "ProductCode": "AM-3", "MajorMinorRevision": "2.7"}
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
