/* A node of every type: scalars, arrays, an enumeration, and structures of types that the server describes. */
#include <open62541/server.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    UA_Double position;
    UA_Int64 steps;
    UA_Int32 state;
} Axis;

/* As open62541 lays out what the description of Machine says: an array is its length and its elements, an optional field a pointer. */
typedef struct {
    UA_String name;
    size_t axesSize;
    Axis *axes;
    Axis mainAxis;
    UA_UInt16 *speed;
} Machine;

/* The namespace of all of it. */
static UA_UInt16 plant;

static void must(UA_StatusCode code, const char *what) {
    if(code == UA_STATUSCODE_GOOD) return;
    fprintf(stderr, "%s: %s\n", what, UA_StatusCode_name(code));
    exit(1);
}

static UA_NodeId node(const char *name) {
    return UA_NODEID_STRING(plant, (char *)name);
}

static void addVariable(UA_Server *server, UA_UInt16 owner, const char *name, UA_NodeId dataType, UA_Variant value) {
    UA_VariableAttributes attributes = UA_VariableAttributes_default;
    attributes.dataType = dataType;
    attributes.value = value;
    attributes.valueRank = UA_VALUERANK_ANY;
    attributes.accessLevel = UA_ACCESSLEVELMASK_READ | UA_ACCESSLEVELMASK_WRITE;
    must(UA_Server_addVariableNode(server, UA_NODEID_STRING(owner, (char *)name), UA_NS0ID(OBJECTSFOLDER), UA_NS0ID(ORGANIZES),
                                   UA_QUALIFIEDNAME(owner, (char *)name), UA_NS0ID(BASEDATAVARIABLETYPE), attributes, NULL, NULL),
         name);
}

static void addScalar(UA_Server *server, const char *name, const UA_DataType *type, void *value) {
    UA_Variant variant;
    UA_Variant_setScalar(&variant, value, type);
    addVariable(server, plant, name, type->typeId, variant);
}

#define ADD(kind, KIND, ...) addScalar(server, #kind, &UA_TYPES[UA_TYPES_##KIND], (UA_##kind[]){__VA_ARGS__})

static void addScalars(UA_Server *server) {
    ADD(Boolean, BOOLEAN, true);
    ADD(SByte, SBYTE, -128);
    ADD(Byte, BYTE, 255);
    ADD(Int16, INT16, INT16_MIN);
    ADD(UInt16, UINT16, UINT16_MAX);
    ADD(Int32, INT32, INT32_MIN);
    ADD(UInt32, UINT32, UINT32_MAX);
    ADD(Int64, INT64, -9007199254740993);
    ADD(UInt64, UINT64, UINT64_MAX);
    ADD(Float, FLOAT, 0.5f);
    ADD(Double, DOUBLE, 0.1);
    ADD(String, STRING, UA_STRING("Störung"));
    ADD(DateTime, DATETIME, UA_DATETIME_UNIX_EPOCH + 17723664001234560);
    ADD(Guid, GUID, {0x72962b91, 0xfa75, 0x4ae6, {0x8d, 0x28, 0xb4, 0x04, 0xdc, 0x7d, 0xaf, 0x63}});
    ADD(ByteString, BYTESTRING, UA_BYTESTRING("\x01\x02\x03"));
    ADD(XmlElement, XMLELEMENT, UA_STRING("<a/>"));
    ADD(NodeId, NODEID, node("x"));
    ADD(ExpandedNodeId, EXPANDEDNODEID, UA_EXPANDEDNODEID_STRING(plant, "y"));
    ADD(StatusCode, STATUSCODE, UA_STATUSCODE_BADSENSORFAILURE);
    ADD(QualifiedName, QUALIFIEDNAME, UA_QUALIFIEDNAME(plant, "name"));
    ADD(LocalizedText, LOCALIZEDTEXT, UA_LOCALIZEDTEXT("de", "läuft"));
    addScalar(server, "range", &UA_TYPES[UA_TYPES_RANGE], &(UA_Range){-1, 2});
}

static void addArrays(UA_Server *server) {
    UA_Variant value;
    UA_Variant_setArray(&value, (UA_Int64[]){1, 9007199254740993}, 2, &UA_TYPES[UA_TYPES_INT64]);
    addVariable(server, plant, "longs", UA_NS0ID(INT64), value);
    UA_Variant_setArray(&value, (UA_Int32[]){1, 2, 3, 4, 5, 6}, 6, &UA_TYPES[UA_TYPES_INT32]);
    value.arrayDimensions = (UA_UInt32[]){2, 3};
    value.arrayDimensionsSize = 2;
    addVariable(server, plant, "matrix", UA_NS0ID(INT32), value);
}

static void addType(UA_Server *server, UA_NodeId base, char *name, const UA_DataType *kind, void *description) {
    UA_ExtensionObject wrapped;
    UA_ExtensionObject_setValueNoDelete(&wrapped, description, kind);
    must(UA_Server_addDataTypeFromDescription(server, &wrapped), name);
    must(UA_Server_addDataTypeNode(server, node(name), base, UA_NS0ID(HASSUBTYPE), UA_QUALIFIEDNAME(plant, name),
                                   UA_DataTypeAttributes_default, NULL, NULL),
         name);
}

static void addStructure(UA_Server *server, char *name, char *encoding, UA_StructureType form, UA_StructureField *fields, size_t size) {
    UA_StructureDescription description = {
        .dataTypeId = node(name),
        .name = UA_QUALIFIEDNAME(plant, name),
        .structureDefinition = {node(encoding), UA_NS0ID(STRUCTURE), form, size, fields},
    };
    addType(server, UA_NS0ID(STRUCTURE), name, &UA_TYPES[UA_TYPES_STRUCTUREDESCRIPTION], &description);
}

static UA_StructureField field(char *name, UA_NodeId type) {
    return (UA_StructureField){.name = UA_STRING(name), .dataType = type, .valueRank = UA_VALUERANK_SCALAR};
}

static void addTypes(UA_Server *server) {
    UA_EnumField states[] = {{.value = 0, .name = UA_STRING("Off")}, {.value = 1, .name = UA_STRING("Running")}};
    UA_EnumDescription state = {node("PumpState"), UA_QUALIFIEDNAME(plant, "PumpState"), {2, states}, UA_DATATYPEKIND_INT32 + 1};
    addType(server, UA_NS0ID(ENUMERATION), "PumpState", &UA_TYPES[UA_TYPES_ENUMDESCRIPTION], &state);
    UA_StructureField axis[] = {field("Position", UA_NS0ID(DOUBLE)), field("Steps", UA_NS0ID(INT64)), field("State", node("PumpState"))};
    addStructure(server, "Axis", "AxisBinary", UA_STRUCTURETYPE_STRUCTURE, axis, 3);
    UA_StructureField machine[] = {field("Name", UA_NS0ID(STRING)), field("Axes", node("Axis")), field("Main", node("Axis")),
                                   field("Speed", UA_NS0ID(UINT16))};
    machine[1].valueRank = UA_VALUERANK_ONE_DIMENSION;
    machine[3].isOptional = true;
    addStructure(server, "Machine", "MachineBinary", UA_STRUCTURETYPE_STRUCTUREWITHOPTIONALFIELDS, machine, 4);
}

static void addOfType(UA_Server *server, const char *name, const char *type, void *value) {
    UA_NodeId id = node(type);
    addScalar(server, name, UA_Server_findDataType(server, &id), value);
}

static void addEveryType(UA_Server *server) {
    addScalars(server);
    addArrays(server);
    addTypes(server);
    Axis axes[] = {{1.25, 9007199254740993, 1}, {-2.5, -1, 0}};
    addOfType(server, "state", "PumpState", &(UA_Int32){1});
    addOfType(server, "axis", "Axis", &axes[0]);
    addOfType(server, "machine", "Machine", &(Machine){UA_STRING("press"), 2, axes, axes[1], &(UA_UInt16){7}});
}
