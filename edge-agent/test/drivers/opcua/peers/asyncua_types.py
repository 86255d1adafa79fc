"""A node of every type there is: scalars, arrays, enumerations, structures, and one structure that nobody describes."""

import uuid
from datetime import datetime, timezone

from asyncua import ua
from asyncua.common.structures104 import new_enum, new_struct, new_struct_field

kinds = ua.VariantType


def scalars(owner):
    return {
        "Boolean": True,
        "SByte": -128,
        "Byte": 255,
        "Int16": -(2**15),
        "UInt16": 2**16 - 1,
        "Int32": -(2**31),
        "UInt32": 2**32 - 1,
        "Int64": -(2**53) - 1,
        "UInt64": 2**64 - 1,
        "Float": 0.5,
        "Double": 0.1,
        "String": "Störung",
        "DateTime": datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=timezone.utc),
        "Guid": uuid.UUID("72962b91-fa75-4ae6-8d28-b404dc7daf63"),
        "ByteString": b"\x01\x02\x03",
        "XmlElement": ua.XmlElement("<a/>"),
        "NodeId": ua.NodeId("x", owner),
        "ExpandedNodeId": ua.ExpandedNodeId("y", owner),
        "StatusCode": ua.StatusCode(ua.StatusCodes.BadSensorFailure),
        "QualifiedName": ua.QualifiedName("name", owner),
        "LocalizedText": ua.LocalizedText("läuft", "de"),
        "DiagnosticInfo": ua.DiagnosticInfo(AdditionalInfo="why"),
        "DataValue": ua.DataValue(ua.Variant(7, kinds.Int32), ua.StatusCode(ua.StatusCodes.Good)),
        "Variant": [ua.Variant(7, kinds.Int32), ua.Variant("seven", kinds.String)],
    }


arrays = {
    "doubles": (kinds.Double, [1.5, float("nan")]),
    "longs": (kinds.Int64, [1, 2**53 + 1]),
    "matrix": (kinds.Int32, [[1, 2, 3], [4, 5, 6]]),
    "texts": (kinds.String, ["a", None, 'quoted "b"']),
    "empty": (kinds.Double, []),
}


async def add_types(server, owner):
    objects = server.nodes.objects

    async def add(name, value, datatype=None):
        node = ua.NodeId(name, owner)
        return await objects.add_variable(node, ua.QualifiedName(name, owner), value, datatype=datatype)

    for kind, value in scalars(owner).items():
        await add(kind, ua.Variant(value, kinds[kind]), ua.NodeId(kinds[kind].value))
    for name, (kind, value) in arrays.items():
        await add(name, ua.Variant(value, kind))
    await add("padded", ua.Variant("P-101\0\0", kinds.String))
    await add("two-texts", ua.Variant("P-101\0P-102", kinds.String))
    await add("texts-of-two", ua.Variant(["a\0b", "c\0"], kinds.String))
    await add("never", ua.Variant(datetime.max.replace(microsecond=0, tzinfo=timezone.utc), kinds.DateTime))

    state = await new_enum(server, owner, "PumpState", ["Off", "Running", "Fault"])
    axis, _ = await new_struct(
        server,
        owner,
        "Axis",
        [
            new_struct_field("Position", kinds.Double),
            new_struct_field("Steps", kinds.Int64),
            new_struct_field("State", state.nodeid),
        ],
    )
    machine, _ = await new_struct(
        server,
        owner,
        "Machine",
        [
            new_struct_field("Name", kinds.String),
            new_struct_field("Remark", kinds.String, optional=True),
            new_struct_field("Axes", axis.nodeid, array=True),
            new_struct_field("Main", axis.nodeid),
            new_struct_field("Speed", kinds.UInt16, optional=True),
            new_struct_field("Raw", kinds.Byte, array=True),
        ],
    )
    choice, _ = await new_struct(
        server,
        owner,
        "Choice",
        [new_struct_field("Number", kinds.Double), new_struct_field("Text", kinds.String)],
        is_union=True,
    )
    secret, encodings = await new_struct(server, owner, "Secret", [new_struct_field("Code", kinds.UInt32)])
    await server.load_data_type_definitions()
    first = ua.Axis(Position=1.25, Steps=2**53 + 1, State=ua.PumpState.Running)
    second = ua.Axis(Position=-2.5, Steps=-1, State=ua.PumpState.Fault)
    whole = ua.Machine(Name="press", Axes=[first, second], Main=second, Speed=7, Raw=[1, 2])
    await add("state", ua.Variant(1, kinds.Int32), state.nodeid)
    await add("unnamed-state", ua.Variant(9, kinds.Int32), state.nodeid)
    await add("machine", ua.Variant(whole, kinds.ExtensionObject), machine.nodeid)
    await add("axes", ua.Variant([first, second], kinds.ExtensionObject), axis.nodeid)
    chosen = ua.Choice()
    chosen.Text = "b"
    await add("choice", ua.Variant(chosen, kinds.ExtensionObject), choice.nodeid)
    await add("open", ua.Variant(first, kinds.ExtensionObject), ua.NodeId(ua.ObjectIds.Structure))
    await add("range", ua.Variant(ua.Range(Low=-1.0, High=2.0), kinds.ExtensionObject))
    await add("secret", ua.Variant(ua.Secret(Code=0x01020304), kinds.ExtensionObject), secret.nodeid)
    await server.delete_nodes([*encodings, secret])

    old = await server.nodes.enum_data_type.add_data_type(ua.NodeId("OldState", owner), "OldState")
    strings = [ua.LocalizedText(text) for text in ["closed", "open"]]
    await old.add_property(ua.NodeId("OldStrings", owner), ua.QualifiedName("EnumStrings", 0), strings)
    await add("old-state", ua.Variant(1, kinds.Int32), old.nodeid)
    values = await server.nodes.enum_data_type.add_data_type(ua.NodeId("ValueState", owner), "ValueState")
    named = [ua.EnumValueType(Value=-5, DisplayName=ua.LocalizedText("below"))]
    await values.add_property(
        ua.NodeId("ValueNames", owner),
        ua.QualifiedName("EnumValues", 0),
        ua.Variant(named, kinds.ExtensionObject),
    )
    await add("value-state", ua.Variant(-5, kinds.Int32), values.nodeid)
