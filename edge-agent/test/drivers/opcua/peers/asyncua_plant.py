"""An OPC UA server with types, instances and folders, made by other people's code. Settings come as JSON in the first argument; commands as
JSON lines on standard input, each answered by a JSON line on standard output. Node ids are numbers in the order of making, so that another
order at the next start gives them to other nodes."""

import asyncio
import json
import logging
import sys

from asyncua import Server, ua


class Plant:
    def __init__(self, server, index):
        self.server = server
        self.index = index
        self.types = {}
        self.nodes = {"": server.nodes.objects}

    async def add_type(self, name, variables, parent=None):
        base = self.types[parent] if parent else self.server.nodes.base_object_type
        made = await base.add_object_type(self.index["urn:plant"], name)
        for variable, (kind, value) in variables.items():
            child = await made.add_variable(self.index["urn:plant"], variable, value, ua.VariantType[kind])
            await child.set_modelling_rule(True)
        self.types[name] = made

    async def add(self, path, type=None, folder=False, namespace="urn:plant", kind=None, value=None, unit=None, range=None):
        *above, name = path.split("/")
        parent = self.nodes["/".join(above)]
        qualified = ua.QualifiedName(name, self.index[namespace])
        id = ua.NodeId(0, self.index[namespace])
        if kind is not None:
            node = await parent.add_variable(id, qualified, value, ua.VariantType[kind])
            await self.describe(node, unit, range)
        elif folder:
            node = await parent.add_folder(id, qualified)
        else:
            node = await parent.add_object(id, qualified, objecttype=self.types[type].nodeid if type else None)
        self.nodes[path] = node

    async def describe(self, node, unit, range):
        if unit is not None:
            information = ua.EUInformation(DisplayName=ua.LocalizedText(unit))
            await node.add_property(ua.NodeId(0, 2), ua.QualifiedName("EngineeringUnits", 0), information)
        if range is not None:
            await node.add_property(ua.NodeId(0, 2), ua.QualifiedName("EURange", 0), ua.Range(Low=range[0], High=range[1]))

    async def refer(self, source, target):
        await self.nodes[source].add_reference(self.nodes[target].nodeid, ua.ObjectIds.Organizes, bidirectional=False)

    async def remove(self, path):
        await self.server.delete_nodes([self.nodes.pop(path)], recursive=True)

    async def write(self, path, kind, value):
        names = [f"{self.index['urn:plant']}:{name}" for name in path.split("/")]
        node = await self.server.nodes.objects.get_child(names)
        await node.write_value(ua.DataValue(ua.Variant(value, ua.VariantType[kind])))


async def main():
    logging.basicConfig(level=logging.CRITICAL)
    settings = json.loads(sys.argv[1])
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{settings['port']}/plant")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    plant = Plant(server, {uri: await server.register_namespace(uri) for uri in settings["namespaces"]})
    for each in settings.get("types", []):
        await plant.add_type(**each)
    for each in settings.get("nodes", []):
        await plant.add(**each)
    for source, target in settings.get("references", []):
        await plant.refer(source, target)
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with server:
        print(json.dumps({"ready": True}), flush=True)
        while line := await lines.readline():
            command = json.loads(line)
            await getattr(plant, command.pop("do"))(**command)
            print(json.dumps({"done": True}), flush=True)


asyncio.run(main())
