package sample;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.client.TestRestTemplate;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;

@SpringBootTest(
    webEnvironment = WebEnvironment.RANDOM_PORT,
    properties = {"server.address=127.0.0.1", "spring.main.banner-mode=off"})
class SampleHttpTest {
  @Autowired TestRestTemplate rest;

  @Test
  void greets() {
    assertThat(rest.getForObject("/greeting", String.class)).isEqualTo("Hello, world!");
  }

  @Test
  void anOrderCanBeReadBack() {
    ResponseEntity<SampleApplication.Order> added =
        rest.postForEntity(
            "/orders", new SampleApplication.Order(0, "tea", 2), SampleApplication.Order.class);
    assertThat(added.getStatusCode()).isEqualTo(HttpStatus.CREATED);
    assertThat(rest.getForObject("/orders/" + added.getBody().id(), SampleApplication.Order.class))
        .isEqualTo(added.getBody());
  }

  @Test
  void mistakesAreTheCallers() {
    assertThat(rest.getForEntity("/orders/999", String.class).getStatusCode())
        .isEqualTo(HttpStatus.NOT_FOUND);
    assertThat(
            rest.postForEntity("/orders", new SampleApplication.Order(0, "tea", 0), String.class)
                .getBody())
        .isEqualTo("bad count");
    assertThat(rest.getForEntity("/nowhere", String.class).getStatusCode())
        .isEqualTo(HttpStatus.NOT_FOUND);
  }

  @Test
  void whatBreaksIsAnErrorPage() {
    assertThat(rest.getForEntity("/broken", String.class).getStatusCode())
        .isEqualTo(HttpStatus.INTERNAL_SERVER_ERROR);
  }

  @Test
  void asynchronousAnswersCome() {
    assertThat(rest.getForObject("/later", String.class)).isEqualTo("later");
    ResponseEntity<String> deferred = rest.getForEntity("/deferred", String.class);
    assertThat(deferred.getStatusCode()).isEqualTo(HttpStatus.ACCEPTED);
    assertThat(deferred.getBody()).isEqualTo("deferred");
    assertThat(rest.getForEntity("/never", String.class).getStatusCode())
        .isEqualTo(HttpStatus.SERVICE_UNAVAILABLE);
  }

  @Test
  void streamsArriveWhole() {
    assertThat(rest.getForObject("/stream", String.class).lines().mapToInt(Integer::parseInt))
        .containsExactlyElementsOf(IntStream.range(0, 1000).boxed().toList());
  }
}
