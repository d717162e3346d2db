package io.grpc.testing.integration;

import io.grpc.LoadBalancerRegistry;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Locale;

/**
 * gRPC's own interoperability client, case after case in one JVM where its {@code main} runs one
 * and exits. Arguments: its own. Begins and ends when told so on stdin.
 */
public final class InteropMain {
  public static void main(String[] args) throws Exception {
    // as its main does
    LoadBalancerRegistry.getDefaultRegistry()
        .register(new CustomBackendMetricsLoadBalancerProvider());
    System.out.println("READY 0");
    System.in.read();
    for (TestCases each : TestCases.values()) {
      // those want a cloud's credentials
      boolean cloud = each.name().matches(".*(CREDS|CREDENTIALS|AUTH_TOKEN)");
      if (!cloud && !each.name().matches(System.getProperty("skip", ""))) {
        System.out.println("CASE " + each.name().toLowerCase(Locale.ROOT) + ": " + run(each, args));
      }
    }
    System.out.println("DONE");
    System.in.read();
    System.exit(0);
  }

  private static String run(TestCases each, String[] args) throws Exception {
    TestServiceClient client = new TestServiceClient();
    String[] all = args;
    if (each.name().startsWith("ORCA")) {
      // those are about a load balancer of the test's own
      all = Arrays.copyOf(args, args.length + 1);
      all[args.length] =
          "--service_config_json="
              + "{\"loadBalancingConfig\":[{\"test_backend_metrics_load_balancer\":{}}]}";
    }
    client.parseArgs(all);
    client.setUp();
    try {
      Method m = TestServiceClient.class.getDeclaredMethod("runTest", TestCases.class);
      m.setAccessible(true);
      m.invoke(client, each);
      return "passed";
    } catch (InvocationTargetException e) {
      return String.valueOf(e.getCause()).replace('\n', ' ');
    } finally {
      Method m = TestServiceClient.class.getDeclaredMethod("tearDown");
      m.setAccessible(true);
      m.invoke(client);
    }
  }
}
