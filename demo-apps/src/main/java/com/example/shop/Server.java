package com.example.shop;

import java.nio.file.Files;
import java.nio.file.Path;
import javax.servlet.http.HttpServlet;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;

/** Starts a servlet on embedded Tomcat, the way many an old service does it. */
final class Server {
  private Server() {}

  static void run(HttpServlet servlet, int port) throws Exception {
    Path base = Files.createTempDirectory("shop-tomcat");
    base.toFile().deleteOnExit();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base.toString());
    tomcat.setPort(port);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    Context context = tomcat.addContext("", base.toString());
    Tomcat.addServlet(context, "main", servlet).setAsyncSupported(true);
    context.addServletMappingDecoded("/*", "main");
    tomcat.start();
    System.out.println("READY " + tomcat.getConnector().getLocalPort());
    tomcat.getServer().await();
  }
}
