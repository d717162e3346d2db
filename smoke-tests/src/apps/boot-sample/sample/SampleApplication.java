package sample;

import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.stereotype.Service;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.context.request.async.DeferredResult;
import org.springframework.web.servlet.mvc.method.annotation.StreamingResponseBody;

/** A Spring Boot service as teams write them. */
@SpringBootApplication
public class SampleApplication {
  public static void main(String[] args) {
    SpringApplication.run(SampleApplication.class, args);
  }

  public record Order(long id, String item, int count) {}

  public static class NoSuchOrder extends RuntimeException {}

  @Service
  public static class Orders {
    private final Map<Long, Order> orders = new ConcurrentHashMap<>();
    private final AtomicLong ids = new AtomicLong();

    public Order add(String item, int count) {
      if (count < 1) {
        throw new IllegalArgumentException("count");
      }
      Order order = new Order(ids.incrementAndGet(), item, count);
      orders.put(order.id(), order);
      return order;
    }

    public Order get(long id) {
      Order order = orders.get(id);
      if (order == null) {
        throw new NoSuchOrder();
      }
      return order;
    }
  }

  @RestController
  public static class Api {
    private final Orders orders;

    public Api(Orders orders) {
      this.orders = orders;
    }

    @GetMapping("/greeting")
    String greeting(@RequestParam(name = "name", defaultValue = "world") String name) {
      return "Hello, " + name + "!";
    }

    @PostMapping("/orders")
    @ResponseStatus(HttpStatus.CREATED)
    Order add(@RequestBody Order wanted) {
      return orders.add(wanted.item(), wanted.count());
    }

    @GetMapping("/orders/{id}")
    Order get(@PathVariable("id") long id) {
      return orders.get(id);
    }

    @GetMapping("/later")
    Callable<String> later() {
      return () -> "later";
    }

    @GetMapping("/deferred")
    DeferredResult<ResponseEntity<String>> deferred() {
      DeferredResult<ResponseEntity<String>> result = new DeferredResult<>();
      new Thread(() -> result.setResult(ResponseEntity.accepted().body("deferred"))).start();
      return result;
    }

    @GetMapping("/never")
    DeferredResult<String> never() {
      return new DeferredResult<>(50L);
    }

    @GetMapping("/stream")
    StreamingResponseBody stream() {
      return out -> {
        for (int i = 0; i < 1000; i++) {
          out.write((i + "\n").getBytes());
        }
      };
    }

    @GetMapping("/broken")
    String broken() {
      throw new IllegalStateException("broken");
    }

    @ExceptionHandler(NoSuchOrder.class)
    ResponseEntity<String> none() {
      return ResponseEntity.status(404).body("no such order");
    }

    @ExceptionHandler(IllegalArgumentException.class)
    ResponseEntity<String> bad(IllegalArgumentException e) {
      return ResponseEntity.badRequest().body("bad " + e.getMessage());
    }
  }
}
