import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.scheduling.annotation.Async;
import org.springframework.scheduling.annotation.EnableAsync;

/** Hands work over by Spring's {@code @Async}, on the executor that Spring Boot makes for it. */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration
@EnableAsync
public class SpringThreads {
  public static class Worker {
    @Async
    public Future<String> look() {
      return CompletableFuture.completedFuture(
          Thread.currentThread().getName().equals("main") ? "not async" : Threads.now());
    }
  }

  @Bean
  Worker worker() {
    return new Worker();
  }

  public static void main(String[] args) throws Exception {
    Threads.findColour();
    ConfigurableApplicationContext context =
        new SpringApplicationBuilder(SpringThreads.class)
            .web(WebApplicationType.NONE)
            .logStartupInfo(false)
            .run("--spring.main.banner-mode=off", "--spring.threads.virtual.enabled=" + args[0]);
    Worker worker = context.getBean(Worker.class);
    // told when the agent has woven, which it does when the first rule has arrived
    System.in.read();
    Threads.way("springAsync", (look, seen) -> seen.set(worker.look().get()));
    System.exit(SpringApplication.exit(context));
  }
}
