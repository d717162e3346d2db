package site;

import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import javax.servlet.ServletContext;
import javax.servlet.ServletRegistration;
import javax.servlet.http.HttpServlet;

/** The part of an application that is loaded as a war's is: by a loader of its own, jars and all. */
public final class Wars {
  private Wars() {}

  /** Serves {@code /onward}, from a copy of the classes in {@code -Dsite.war}. */
  public static void install(ServletContext context) {
    try {
      List<URL> urls = new ArrayList<>();
      for (String part : System.getProperty("site.war").split(File.pathSeparator)) {
        urls.add(new File(part).toURI().toURL());
      }
      ClassLoader war = new URLClassLoader(urls.toArray(new URL[0]), Wars.class.getClassLoader());
      HttpServlet onward =
          (HttpServlet) war.loadClass("war.Onward").getConstructor().newInstance();
      ServletRegistration.Dynamic s = context.addServlet("Onward", onward);
      s.setAsyncSupported(true);
      s.addMapping("/onward");
    } catch (ReflectiveOperationException | java.io.IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
