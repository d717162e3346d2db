import feign.Feign;
import feign.FeignException;
import feign.Param;
import feign.RequestLine;
import feign.httpclient.ApacheHttpClient;
import org.springframework.http.client.HttpComponentsClientHttpRequestFactory;
import org.springframework.web.client.HttpClientErrorException;
import org.springframework.web.client.RestTemplate;

/** Libraries that make their calls with Apache HttpClient 4, each as its documentation shows. */
public final class Riders {
  public interface Service {
    @RequestLine("GET /{path}")
    String get(@Param("path") String path);
  }

  private Riders() {}

  /** A call by {@code NAME}, to a URL of one path segment: its body, or the status it failed by. */
  public static String call(String name, String url) {
    if (name.equals("resttemplate")) {
      try {
        return new RestTemplate(new HttpComponentsClientHttpRequestFactory())
            .getForObject(url, String.class);
      } catch (HttpClientErrorException e) {
        return e.getRawStatusCode() + " " + e.getResponseBodyAsString();
      }
    }
    try {
      int path = url.lastIndexOf('/');
      return Feign.builder()
          .client(new ApacheHttpClient())
          .target(Service.class, url.substring(0, path))
          .get(url.substring(path + 1));
    } catch (FeignException e) {
      return e.status() + " " + e.contentUTF8();
    }
  }
}
