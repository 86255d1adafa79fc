"""An OPC UA server of other people's code that notes what clients write and call. Settings come as JSON in the first argument; each line on
standard input asks for that note, which comes as a JSON line on standard output."""

import asyncio
import json
import logging
import sys

from asyncua import Server, ua
from asyncua.common.structures104 import new_enum

noted = []


def plain(value):
    if isinstance(value, ua.LocalizedText):
        return value.Text
    return str(value) if isinstance(value, int) and abs(value) > 2**53 else value


def watch_writes(server, known, behaviours):
    service = server.iserver.attribute_service
    own = service.write

    async def write(params, **others):
        results = await own(params, **others)
        for position, each in enumerate(params.NodesToWrite):
            if each.NodeId.Identifier not in known:
                continue
            value = each.Value
            times = value.SourceTimestamp is not None or value.ServerTimestamp is not None
            noted.append({"node": each.NodeId.Identifier, "type": value.Value.VariantType.name, "value": plain(value.Value.Value), "alone": not times})
            behaviour = behaviours.get(each.NodeId.Identifier, {})
            if "answer" in behaviour:
                results[position] = ua.StatusCode(getattr(ua.StatusCodes, behaviour["answer"]))
            await asyncio.sleep(behaviour.get("afterMs", 0) / 1000)
        return results

    service.write = write


async def add_method(server, index, name, inputs, outputs=(), answer=None, afterMs=0):
    async def called(parent, *given):
        noted.append({"node": name, "object": parent.Identifier, "inputs": [[each.VariantType.name, plain(each.Value)] for each in given]})
        await asyncio.sleep(afterMs / 1000)
        if answer is not None:
            return ua.StatusCode(getattr(ua.StatusCodes, answer))
        return list(given)

    def argument(own, kind):
        return ua.Argument(Name=own, DataType=ua.NodeId(getattr(ua.ObjectIds, kind)), ValueRank=-1)

    await server.nodes.objects.add_method(
        ua.NodeId(name, index),
        ua.QualifiedName(name, index),
        called,
        [argument(own, kind) for own, kind in inputs],
        [argument(own, kind) for own, kind in outputs],
    )


async def tick(server, node):
    count = 0
    while True:
        await asyncio.sleep(0.1)
        count += 1
        await node.write_value(ua.DataValue(ua.Variant(count, ua.VariantType.UInt32)))


async def main():
    logging.basicConfig(level=logging.CRITICAL)
    settings = json.loads(sys.argv[1])
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{settings['port']}/plant")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:plant")
    for name, (kind, value, writable) in settings["nodes"].items():
        node = await server.nodes.objects.add_variable(ua.NodeId(name, index), ua.QualifiedName(name, index), value, ua.VariantType[kind])
        if writable:
            await node.set_writable()
    for name, names in settings["enumerations"].items():
        kind = await new_enum(server, index, f"{name}Type", names)
        node = await server.nodes.objects.add_variable(
            ua.NodeId(name, index), ua.QualifiedName(name, index), 0, ua.VariantType.Int32, kind.nodeid
        )
        await node.set_writable()
    ticking = await server.nodes.objects.add_variable(ua.NodeId("level", index), ua.QualifiedName("level", index), 0, ua.VariantType.UInt32)
    for name, method in settings["methods"].items():
        await add_method(server, index, name, **method)
    watch_writes(server, [*settings["nodes"], *settings["enumerations"]], settings["behaviours"])
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with server:
        running = asyncio.create_task(tick(server, ticking))
        print(json.dumps({"ready": True}), flush=True)
        while await lines.readline():
            print(json.dumps(noted), flush=True)
        running.cancel()


asyncio.run(main())
