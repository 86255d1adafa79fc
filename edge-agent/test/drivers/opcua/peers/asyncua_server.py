"""An OPC UA server that shares no code with our client. Settings come as JSON in the first argument; commands as JSON lines
on standard input, each answered by a JSON line on standard output."""

import asyncio
import json
import logging
import sys
from datetime import datetime, timedelta, timezone

from asyncua import Server, ua
from asyncua.server.history_sql import HistorySQLite
from asyncua_limits import restrict, state
from asyncua_security import secure
from asyncua_types import add_types

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def data_value(kind, value, source_micros, status):
    return ua.DataValue(
        ua.Variant(value, ua.VariantType[kind]),
        ua.StatusCode(getattr(ua.StatusCodes, status)),
        EPOCH + timedelta(microseconds=source_micros),
        datetime.now(timezone.utc),
    )


async def main():
    logging.basicConfig(level=logging.CRITICAL)
    settings = json.loads(sys.argv[1])
    restrict(settings.get("limits", {}))
    server = Server()
    history = HistorySQLite(settings["history"], settings.get("valuesPerAnswer", 10000)) if "history" in settings else None
    if history:
        server.iserver.history_manager.set_storage(history)
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{settings['port']}/plant")
    await secure(server, settings.get("security", {"policies": ["NoSecurity"]}))
    index = {uri: await server.register_namespace(uri) for uri in settings["namespaces"]}
    nodes = {}

    async def add(node):
        owner = index[node["namespace"]]
        nodes[node["name"]] = await server.nodes.objects.add_variable(
            ua.NodeId(node.get("id", node["name"]), owner),
            ua.QualifiedName(node["name"], owner),
            node["value"],
            ua.VariantType[node["dataType"]],
        )
        if history:
            await server.historize_node_data_change(nodes[node["name"]], period=None)

    async def raise_event(command):
        owner = index[command["namespace"]]
        if "events" not in nodes:
            properties = [("Pressure", ua.VariantType.Double)]
            nodes["events"] = await server.create_custom_event_type(owner, "PumpEvent", ua.ObjectIds.BaseEventType, properties)
        kind = nodes["events"] if "pressure" in command else ua.ObjectIds.BaseEventType
        generator = await server.get_event_generator(kind)
        generator.event.Severity = command["severity"]
        if "pressure" in command:
            generator.event.Pressure = command["pressure"]
        await generator.trigger(EPOCH + timedelta(microseconds=command["micros"]), command["message"])

    async def execute(command):
        match command["do"]:
            case "set":
                value = data_value(command["dataType"], command["value"], command["sourceMicros"], command["status"])
                await server.write_attribute_value(nodes[command["name"]].nodeid, value)
            case "add":
                await add(command["node"])
            case "event":
                await raise_event(command)
            case "recorded":
                table = history._get_table_name(nodes[command["name"]].nodeid)
                async with history._db.execute(f'SELECT COUNT(*) FROM "{table}"') as rows:
                    return (await rows.fetchone())[0]
            case "delete":
                node = nodes.pop(command["name"])
                if history:
                    await server.dehistorize_node_data_change(node)
                await server.delete_nodes([node])

    for node in settings["nodes"]:
        await add(node)
    await state(server, settings.get("limits", {}))
    if settings.get("types"):
        await add_types(server, index[settings["types"]])
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with server:
        if "registerWith" in settings:
            await server.register_to_discovery(settings["registerWith"], 0)
        print(json.dumps({"ready": True}), flush=True)
        while line := await lines.readline():
            answer = await execute(json.loads(line))
            print(json.dumps({"answer": answer}), flush=True)


asyncio.run(main())
