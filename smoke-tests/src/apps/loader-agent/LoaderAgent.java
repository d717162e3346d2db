import java.io.InputStream;
import java.lang.instrument.ClassDefinition;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.security.ProtectionDomain;

/** Some other vendor's agent that has to do with java.lang.ClassLoader, too. */
public class LoaderAgent {
  /**
   * @param how retransform: a transformer has it by, as many agents do; redefine: it is put back as
   *     the JDK has it
   */
  public static void premain(String how, Instrumentation instrumentation) throws Exception {
    if (how.equals("retransform")) {
      instrumentation.addTransformer(
          new ClassFileTransformer() {
            @Override
            public byte[] transform(
                ClassLoader loader,
                String name,
                Class<?> redefined,
                ProtectionDomain domain,
                byte[] classFile) {
              return "java/lang/ClassLoader".equals(name) ? classFile.clone() : null;
            }
          },
          true);
      instrumentation.retransformClasses(ClassLoader.class);
    } else {
      try (InputStream in = ClassLoader.class.getResourceAsStream("ClassLoader.class")) {
        instrumentation.redefineClasses(
            new ClassDefinition(ClassLoader.class, in.readAllBytes()));
      }
    }
    System.err.println("LoaderAgent: " + how);
  }
}
