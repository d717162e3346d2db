package io.weir.agent;

/**
 * Entry of {@code java -jar weir.jar}: hands over to the command line behind the isolated loader.
 */
public final class Main {
  private Main() {}

  public static void main(String[] args) throws Exception {
    java.io.File jar = IsolatedLoader.agentJar(Main.class);
    ClassLoader loader = IsolatedLoader.over(Pack.open(jar));
    Thread.currentThread().setContextClassLoader(loader);
    Object code =
        loader
            .loadClass("io.weir.agent.cli.Cli")
            .getMethod("run", String[].class, java.io.File.class)
            .invoke(null, args, jar);
    System.exit((Integer) code);
  }
}
