"""A Modbus server of pymodbus: {"comm": tcp|udp|serial, "framer": socket|rtu|ascii, "port": number or path} as its one argument.

Holding registers 0-199 hold 1000 + address, input registers 2000 + address; every third coil and every fourth discrete input is on.
"missing" lists holding registers that are not there; the file "requests" gets a line for each request.
It prints a line when it listens.
"""
import asyncio
import json
import sys

from pymodbus import FramerType
from pymodbus.datastore import (
    ModbusDeviceContext,
    ModbusSequentialDataBlock,
    ModbusServerContext,
    ModbusSparseDataBlock,
)
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusUdpServer

COUNT = 200


def block(value):
    # The block counts from 1, the wire from 0.
    return ModbusSequentialDataBlock(1, [value(address) for address in range(COUNT)])


def holding(missing):
    # The block counts from 1, the wire from 0.
    return ModbusSparseDataBlock({address + 1: 1000 + address for address in range(COUNT) if address not in missing})


def tracer(path):
    def trace(sending, pdu):
        if not sending:
            with open(path, "a", encoding="utf-8") as requests:
                requests.write(f"{pdu.address}+{pdu.count}\n")
        return pdu

    return trace


async def main():
    settings = json.loads(sys.argv[1])
    device = ModbusDeviceContext(
        hr=holding(settings.get("missing", [])),
        ir=block(lambda address: 2000 + address),
        co=block(lambda address: address % 3 == 0),
        di=block(lambda address: address % 4 == 0),
    )
    context = ModbusServerContext(devices={5: device, 6: device}, single=False)
    framer = FramerType(settings["framer"])
    port = settings["port"]
    if settings["comm"] == "serial":
        server = ModbusSerialServer(context, framer=framer, port=port, baudrate=115200, bytesize=8, parity="N")
    elif settings["comm"] == "udp":
        server = ModbusUdpServer(context, framer=framer, address=("127.0.0.1", port))
    else:
        trace = tracer(settings["requests"]) if "requests" in settings else None
        server = ModbusTcpServer(context, framer=framer, address=("127.0.0.1", port), trace_pdu=trace)
    await server.serve_forever(background=True)
    print("listening", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
