/* An OPC UA server of open62541 for the tests: strict about certificates and users, with a node of each type, a counter that changes
 * faster than clients publish and is recorded, a setpoint, a method, and limits that the arguments set. open62541.ts compiles and
 * starts it. Lines on its standard input are orders, each is answered by one line.
 *   set NAME VALUE   a value of a Double, with the time of now
 *   events COUNT     so many events of the server, one after the other, each with its number for a message
 *   trust            takes the certificates that it has refused into its trust list */
#include "open62541_types.h"

#include <open62541/plugin/accesscontrol_default.h>
#include <open62541/plugin/certificategroup_default.h>
#include <open62541/plugin/historydata/history_data_backend_memory.h>
#include <open62541/plugin/historydata/history_data_gathering_default.h>
#include <open62541/plugin/historydata/history_database_default.h>
#include <open62541/plugin/log_stdout.h>
#include <open62541/server_config_default.h>

#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { COUNTER_EVERY_MS = 20, VALUES = 10, RECORDED_NODES = 1, RECORDED_VALUES = 100000, VALUES_PER_ANSWER = 50 };

/* A setpoint that takes 0 to 100. */
static UA_Double setpoint = 20;

static UA_StatusCode readSetpoint(UA_Server *server, const UA_NodeId *session, void *context, const UA_NodeId *id, void *nodeContext,
                                  UA_Boolean withTime, const UA_NumericRange *range, UA_DataValue *value) {
    value->hasValue = true;
    return UA_Variant_setScalarCopy(&value->value, &setpoint, &UA_TYPES[UA_TYPES_DOUBLE]);
}

static UA_StatusCode writeSetpoint(UA_Server *server, const UA_NodeId *session, void *context, const UA_NodeId *id, void *nodeContext,
                                   const UA_NumericRange *range, const UA_DataValue *value) {
    UA_Double wanted = *(UA_Double *)value->value.data;
    if(wanted < 0 || wanted > 100) return UA_STATUSCODE_BADOUTOFRANGE;
    setpoint = wanted;
    return UA_STATUSCODE_GOOD;
}

/* Gives back what it was given: the amount doubled, the note as it is. */
static UA_StatusCode fill(UA_Server *server, const UA_NodeId *session, void *context, const UA_NodeId *method, void *methodContext,
                          const UA_NodeId *object, void *objectContext, size_t inputs, const UA_Variant *input, size_t outputs,
                          UA_Variant *output) {
    UA_UInt32 twice = 2 * (UA_UInt32) * (UA_UInt16 *)input[0].data;
    must(UA_Variant_setScalarCopy(&output[0], &twice, &UA_TYPES[UA_TYPES_UINT32]), "an output");
    return UA_Variant_copy(&input[1], &output[1]);
}

static UA_Argument argument(char *name, const UA_DataType *type) {
    return (UA_Argument){.name = UA_STRING(name), .dataType = type->typeId, .valueRank = UA_VALUERANK_SCALAR};
}

static void addCommandable(UA_Server *server) {
    addScalar(server, "setpoint", &UA_TYPES[UA_TYPES_DOUBLE], &setpoint);
    must(UA_Server_setVariableNode_callbackValueSource(server, node("setpoint"), (UA_CallbackValueSource){readSetpoint, writeSetpoint}),
         "the setpoint");
    UA_Argument inputs[] = {argument("amount", &UA_TYPES[UA_TYPES_UINT16]), argument("note", &UA_TYPES[UA_TYPES_STRING])};
    UA_Argument outputs[] = {argument("twice", &UA_TYPES[UA_TYPES_UINT32]), argument("noted", &UA_TYPES[UA_TYPES_STRING])};
    UA_MethodAttributes attributes = UA_MethodAttributes_default;
    attributes.executable = attributes.userExecutable = true;
    must(UA_Server_addMethodNode(server, node("fill"), UA_NS0ID(OBJECTSFOLDER), UA_NS0ID(HASCOMPONENT), UA_QUALIFIEDNAME(plant, "fill"),
                                 attributes, fill, 2, inputs, 2, outputs, NULL, NULL),
         "the method");
}

static void set(UA_Server *server, const char *name, UA_Double to) {
    UA_DataValue value = {.hasValue = true, .hasSourceTimestamp = true, .sourceTimestamp = UA_DateTime_now()};
    UA_Variant_setScalar(&value.value, &to, &UA_TYPES[UA_TYPES_DOUBLE]);
    must(UA_Server_writeDataValue(server, node(name), value), name);
}

static void count(UA_Server *server, void *counted) {
    set(server, "counter", *(UA_Double *)counted += 1);
}

/* A deadband in percent is of this. */
static void addRange(UA_Server *server, UA_NodeId owner, UA_Range range) {
    UA_VariableAttributes attributes = UA_VariableAttributes_default;
    attributes.dataType = UA_TYPES[UA_TYPES_RANGE].typeId;
    UA_Variant_setScalar(&attributes.value, &range, &UA_TYPES[UA_TYPES_RANGE]);
    must(UA_Server_addVariableNode(server, UA_NODEID_NULL, owner, UA_NS0ID(HASPROPERTY), UA_QUALIFIEDNAME(0, "EURange"),
                                   UA_NS0ID(PROPERTYTYPE), attributes, NULL, NULL),
         "a range");
}

static void addCounter(UA_Server *server, UA_HistoryDataGathering gathering) {
    static UA_Double counted = 0;
    addScalar(server, "counter", &UA_TYPES[UA_TYPES_DOUBLE], &counted);
    addRange(server, node("counter"), (UA_Range){0, 1000});
    UA_Byte access = UA_ACCESSLEVELMASK_READ | UA_ACCESSLEVELMASK_HISTORYREAD;
    must(UA_Server_writeAccessLevel(server, node("counter"), access), "the counter");
    must(UA_Server_writeHistorizing(server, node("counter"), true), "the counter");
    UA_HistorizingNodeIdSettings settings = {
        .historizingBackend = UA_HistoryDataBackend_Memory(RECORDED_NODES, RECORDED_VALUES),
        .maxHistoryDataResponseSize = VALUES_PER_ANSWER,
        .historizingUpdateStrategy = UA_HISTORIZINGUPDATESTRATEGY_VALUESET,
    };
    UA_NodeId counter = node("counter");
    must(gathering.registerNodeId(server, gathering.context, &counter, settings), "the history of the counter");
    must(UA_Server_addRepeatedCallback(server, count, &counted, COUNTER_EVERY_MS, NULL), "the counter");
}

static void addPlant(UA_Server *server, UA_HistoryDataGathering gathering) {
    addEveryType(server);
    addCommandable(server);
    addCounter(server, gathering);
    for(int n = 0; n < VALUES; n++) {
        char name[] = {'v', 'a', 'l', 'u', 'e', (char)('0' + n), 0};
        addScalar(server, name, &UA_TYPES[UA_TYPES_DOUBLE], &(UA_Double){0});
    }
}

static UA_ByteString fileOf(const char *path) {
    FILE *file = fopen(path, "rb");
    UA_ByteString bytes;
    must(file == NULL ? UA_STATUSCODE_BADNOTFOUND : UA_ByteString_allocBuffer(&bytes, 65536), path);
    bytes.length = fread(bytes.data, 1, bytes.length, file);
    fclose(file);
    return bytes;
}

static void secure(UA_ServerConfig *config, const char *certificateFile, const char *keyFile) {
    UA_ByteString certificate = fileOf(certificateFile), key = fileOf(keyFile);
    UA_NodeId group = UA_NS0ID(SERVERCONFIGURATION_CERTIFICATEGROUPS_DEFAULTAPPLICATIONGROUP);
    must(UA_CertificateGroup_Memorystore(&config->secureChannelPKI, &group, NULL, config->logging, NULL), "the trust list");
    must(UA_ServerConfig_addSecurityPolicyNone(config, &certificate), "None");
    must(UA_ServerConfig_addSecurityPolicyBasic256Sha256(config, &certificate, &key), "Basic256Sha256");
    must(UA_ServerConfig_addSecurityPolicyAes128Sha256RsaOaep(config, &certificate, &key), "Aes128Sha256RsaOaep");
    must(UA_ServerConfig_addSecurityPolicyAes256Sha256RsaPss(config, &certificate, &key), "Aes256Sha256RsaPss");
    config->securityPolicyNoneDiscoveryOnly = true;
    must(UA_ServerConfig_addAllSecureEndpoints(config), "the endpoints");
    UA_UsernamePasswordLogin user = {UA_STRING("operator"), UA_STRING("secret")};
    must(UA_AccessControl_default(config, false, NULL, 1, &user), "the users");
}

/* By itself it gives a subscription whose session is gone to nobody. */
static UA_Boolean allowTransfer(UA_Server *server, UA_AccessControl *control, const UA_NodeId *from, void *fromContext,
                                const UA_NodeId *to, void *toContext) {
    return true;
}

static UA_ServerConfig configOf(char **arguments) {
    UA_ServerConfig config = {.logging = UA_Log_Stdout_new(UA_LOGLEVEL_FATAL)};
    must(UA_ServerConfig_setBasics_withPort(&config, (UA_UInt16)atoi(arguments[1])), "the settings");
    UA_String_clear(&config.applicationDescription.applicationUri);
    config.applicationDescription.applicationUri = UA_STRING_ALLOC("urn:plant:server");
    secure(&config, arguments[2], arguments[3]);
    config.maxNodesPerRead = config.maxNodesPerBrowse = config.maxReferencesPerNode = (UA_UInt32)atoi(arguments[4]);
    config.maxNodesPerTranslateBrowsePathsToNodeIds = config.maxNodesPerRead;
    config.maxMonitoredItemsPerCall = (UA_UInt32)atoi(arguments[5]);
    config.maxSessionTimeout = atof(arguments[6]);
    config.maxSecurityTokenLifetime = (UA_UInt32)atoi(arguments[7]);
    config.publishingIntervalLimits.min = config.samplingIntervalLimits.min = 5;
    config.queueSizeLimits.max = 10000;
    config.accessHistoryDataCapability = true;
    if(strcmp(arguments[8], "transfer") == 0) config.accessControl.allowTransferSubscription = allowTransfer;
    return config;
}

static void trust(UA_CertificateGroup *group) {
    UA_TrustListDataType list = {.specifiedLists = UA_TRUSTLISTMASKS_TRUSTEDCERTIFICATES};
    must(group->getRejectedList(group, &list.trustedCertificates, &list.trustedCertificatesSize), "what was refused");
    must(group->addToTrustList(group, &list), "the trust list");
    UA_TrustListDataType_clear(&list);
}

static void raiseEvents(UA_Server *server, int events) {
    for(int n = 1; n <= events; n++) {
        char message[12];
        snprintf(message, sizeof(message), "%d", n);
        UA_LocalizedText text = UA_LOCALIZEDTEXT("", message);
        must(UA_Server_createEvent(server, UA_NS0ID(SERVER), UA_NS0ID(BASEEVENTTYPE), 500, text, NULL, NULL, NULL), "an event");
    }
}

static void obey(UA_Server *server, char *line) {
    char *order = strtok(line, " \n"), *name = strtok(NULL, " \n"), *value = strtok(NULL, " \n");
    if(strcmp(order, "set") == 0) set(server, name, atof(value));
    if(strcmp(order, "events") == 0) raiseEvents(server, atoi(name));
    if(strcmp(order, "trust") == 0) trust(&UA_Server_getConfig(server)->secureChannelPKI);
    puts("done");
}

/* port, certificate, key, nodes per read, items per call, longest life of a session and of a channel's keys in ms, transfer or keep,
 * then the namespaces in their order: of the plant, and of others that have a value0 as well */
int main(int arguments, char **argument) {
    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    UA_ServerConfig config = configOf(argument);
    UA_HistoryDataGathering gathering = UA_HistoryDataGathering_Default(RECORDED_NODES);
    config.historyDatabase = UA_HistoryDatabase_default(gathering);
    UA_Server *server = UA_Server_newWithConfig(&config);
    UA_Variant other;
    UA_Variant_setScalar(&other, &(UA_Double){99}, &UA_TYPES[UA_TYPES_DOUBLE]);
    for(int n = 9; n < arguments; n++) {
        UA_UInt16 index = UA_Server_addNamespace(server, argument[n]);
        if(strcmp(argument[n], "urn:plant") == 0) plant = index;
        else addVariable(server, index, "value0", UA_NS0ID(DOUBLE), other);
    }
    addPlant(server, gathering);
    must(UA_Server_run_startup(server), "the start");
    puts("ready");
    char line[100];
    struct pollfd orders = {.fd = STDIN_FILENO, .events = POLLIN};
    for(;;) {
        UA_Server_run_iterate(server, true);
        if(poll(&orders, 1, 0) <= 0) continue;
        if(fgets(line, sizeof(line), stdin) == NULL) return 0;
        obey(server, line);
    }
}
