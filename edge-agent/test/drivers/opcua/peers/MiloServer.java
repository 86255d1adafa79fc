// An OPC UA server of Eclipse Milo for the tests: strict about certificates and users, with a counter that changes faster than clients
// publish, and small limits. Java runs it from this file. Lines on its standard input are orders, each is answered by one line.
//   set NAME VALUE   a value of a Double, with the time of now
//   trust            takes the certificates that it has refused into its trust list
import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.uint;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.security.KeyPair;
import java.security.Security;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.eclipse.milo.opcua.sdk.core.AccessLevel;
import org.eclipse.milo.opcua.sdk.server.EndpointConfig;
import org.eclipse.milo.opcua.sdk.server.ManagedNamespaceWithLifecycle;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.OpcUaServerConfig;
import org.eclipse.milo.opcua.sdk.server.OpcUaServerConfigLimits;
import org.eclipse.milo.opcua.sdk.server.identity.UsernameIdentityValidator;
import org.eclipse.milo.opcua.sdk.server.items.DataItem;
import org.eclipse.milo.opcua.sdk.server.items.MonitoredItem;
import org.eclipse.milo.opcua.sdk.server.nodes.UaFolderNode;
import org.eclipse.milo.opcua.sdk.server.nodes.UaVariableNode;
import org.eclipse.milo.opcua.sdk.server.util.SubscriptionModel;
import org.eclipse.milo.opcua.stack.core.NodeIds;
import org.eclipse.milo.opcua.stack.core.security.DefaultApplicationGroup;
import org.eclipse.milo.opcua.stack.core.security.DefaultCertificateManager;
import org.eclipse.milo.opcua.stack.core.security.DefaultServerCertificateValidator;
import org.eclipse.milo.opcua.stack.core.security.MemoryCertificateQuarantine;
import org.eclipse.milo.opcua.stack.core.security.MemoryCertificateStore;
import org.eclipse.milo.opcua.stack.core.security.MemoryTrustListManager;
import org.eclipse.milo.opcua.stack.core.security.RsaSha256CertificateFactory;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.eclipse.milo.opcua.stack.core.transport.TransportProfile;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MessageSecurityMode;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateBuilder;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateGenerator;
import org.eclipse.milo.opcua.stack.transport.server.tcp.OpcTcpServerTransport;
import org.eclipse.milo.opcua.stack.transport.server.tcp.OpcTcpServerTransportConfig;

public class MiloServer {
  static final String namespace = "urn:plant";
  static final String applicationUri = "urn:fieldline:test:milo";
  static final int counterEveryMs = 20;

  public static void main(String[] arguments) throws Exception {
    int port = Integer.parseInt(arguments[0]);
    UInteger nodesPerRead = uint(Integer.parseInt(arguments[1]));
    UInteger itemsPerCall = uint(Integer.parseInt(arguments[2]));
    // For Aes256_Sha256_RsaPss.
    Security.addProvider(new BouncyCastleProvider());

    KeyPair keys = SelfSignedCertificateGenerator.generateRsaKeyPair(2048);
    X509Certificate certificate =
        new SelfSignedCertificateBuilder(keys)
            .setCommonName("Milo of the tests")
            .setApplicationUri(applicationUri)
            .addIpAddress("127.0.0.1")
            .build();
    var trusted = new MemoryTrustListManager();
    var refused = new MemoryCertificateQuarantine();
    var factory =
        new RsaSha256CertificateFactory() {
          @Override
          protected KeyPair createRsaSha256KeyPair() {
            return keys;
          }

          @Override
          protected X509Certificate[] createRsaSha256CertificateChain(KeyPair pair) {
            return new X509Certificate[] {certificate};
          }
        };
    var group =
        DefaultApplicationGroup.createAndInitialize(
            trusted,
            new MemoryCertificateStore(),
            factory,
            new DefaultServerCertificateValidator(trusted, refused));

    OpcUaServerConfig config =
        OpcUaServerConfig.builder()
            .setApplicationUri(applicationUri)
            .setApplicationName(LocalizedText.english("Milo of the tests"))
            .setProductUri("urn:fieldline:test")
            .setEndpoints(endpoints(port, certificate))
            .setCertificateManager(new DefaultCertificateManager(refused, group))
            .setIdentityValidator(
                new UsernameIdentityValidator(
                    user -> user.getUsername().equals("operator") && user.getPassword().equals("secret")))
            .setLimits(
                new OpcUaServerConfigLimits() {
                  @Override
                  public UInteger getMaxNodesPerRead() {
                    return nodesPerRead;
                  }

                  @Override
                  public UInteger getMaxMonitoredItemsPerCall() {
                    return itemsPerCall;
                  }
                })
            .build();
    var server =
        new OpcUaServer(config, profile -> new OpcTcpServerTransport(OpcTcpServerTransportConfig.newBuilder().build()));
    var plant = new Plant(server);
    plant.startup();
    server.startup().get();
    Executors.newSingleThreadScheduledExecutor()
        .scheduleAtFixedRate(plant::count, 0, counterEveryMs, TimeUnit.MILLISECONDS);
    System.out.println("ready");

    var orders = new BufferedReader(new InputStreamReader(System.in));
    for (String line = orders.readLine(); line != null; line = orders.readLine()) {
      String[] words = line.split(" ");
      if (words[0].equals("set")) plant.set(words[1], Double.parseDouble(words[2]));
      if (words[0].equals("trust")) {
        for (X509Certificate each : refused.getRejectedCertificates()) trusted.addTrustedCertificate(each);
      }
      System.out.println("done");
    }
    System.exit(0);
  }

  static Set<EndpointConfig> endpoints(int port, X509Certificate certificate) {
    var all = new LinkedHashSet<EndpointConfig>();
    var secure =
        EndpointConfig.newBuilder()
            .setTransportProfile(TransportProfile.TCP_UASC_UABINARY)
            .setBindAddress("127.0.0.1")
            .setBindPort(port)
            .setHostname("127.0.0.1")
            .setPath("/plant")
            .setCertificate(certificate)
            .addTokenPolicies(OpcUaServerConfig.USER_TOKEN_POLICY_USERNAME);
    for (SecurityPolicy policy :
        List.of(SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes128_Sha256_RsaOaep, SecurityPolicy.Aes256_Sha256_RsaPss)) {
      for (MessageSecurityMode mode : List.of(MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt)) {
        all.add(secure.copy().setSecurityPolicy(policy).setSecurityMode(mode).build());
      }
    }
    all.add(
        secure
            .copy()
            .setPath("/plant/discovery")
            .setSecurityPolicy(SecurityPolicy.None)
            .setSecurityMode(MessageSecurityMode.None)
            .build());
    return all;
  }

  /** A counter, and ten values that wait to be set. */
  static class Plant extends ManagedNamespaceWithLifecycle {
    private static final int values = 10;
    private final SubscriptionModel subscriptions;
    private final Map<String, UaVariableNode> nodes = new ConcurrentHashMap<>();
    private double counted = 0;

    Plant(OpcUaServer server) {
      super(server, namespace);
      subscriptions = new SubscriptionModel(server, this);
      getLifecycleManager().addLifecycle(subscriptions);
      getLifecycleManager().addStartupTask(this::addNodes);
    }

    private void addNodes() {
      var folder =
          new UaFolderNode(getNodeContext(), newNodeId("Plant"), newQualifiedName("Plant"), LocalizedText.english("Plant"));
      getNodeManager().addNode(folder);
      folder.addReference(
          new org.eclipse.milo.opcua.sdk.core.Reference(
              folder.getNodeId(), NodeIds.Organizes, NodeIds.ObjectsFolder.expanded(), false));
      var names = new ArrayList<String>(List.of("counter"));
      for (int n = 0; n < values; n++) names.add("value" + n);
      for (String name : names) folder.addOrganizes(variable(name));
    }

    private UaVariableNode variable(String name) {
      UaVariableNode node =
          new UaVariableNode.UaVariableNodeBuilder(getNodeContext())
              .setNodeId(newNodeId(name))
              .setBrowseName(newQualifiedName(name))
              .setDisplayName(LocalizedText.english(name))
              .setAccessLevel(AccessLevel.READ_WRITE)
              .setUserAccessLevel(AccessLevel.READ_WRITE)
              .setDataType(NodeIds.Double)
              .setTypeDefinition(NodeIds.BaseDataVariableType)
              .build();
      node.setValue(new DataValue(new Variant(0.0)));
      getNodeManager().addNode(node);
      nodes.put(name, node);
      return node;
    }

    void count() {
      counted += 1;
      set("counter", counted);
    }

    void set(String name, double value) {
      nodes.get(name).setValue(new DataValue(new Variant(value)));
    }

    @Override
    public void onDataItemsCreated(List<DataItem> items) {
      subscriptions.onDataItemsCreated(items);
    }

    @Override
    public void onDataItemsModified(List<DataItem> items) {
      subscriptions.onDataItemsModified(items);
    }

    @Override
    public void onDataItemsDeleted(List<DataItem> items) {
      subscriptions.onDataItemsDeleted(items);
    }

    @Override
    public void onMonitoringModeChanged(List<MonitoredItem> items) {
      subscriptions.onMonitoringModeChanged(items);
    }
  }
}
