package io.weir.instrumentation.api.client;

import io.weir.instrumentation.api.common.FailureTable;
import io.weir.instrumentation.api.common.RefusalView;
import java.util.Map;
import java.util.TreeMap;

/** The least library: a request is its headers, an answer its status. */
final class Words extends ClientLibrary<Map<String, String>, Integer> {
  Words() {
    super("front");
  }

  static Map<String, String> request() {
    Map<String, String> r = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    r.put("Host", "pay");
    return r;
  }

  @Override
  public String header(Map<String, String> request, String name) {
    return request.get(name);
  }

  @Override
  public String path(Map<String, String> request) {
    return "/";
  }

  @Override
  public String method(Map<String, String> request) {
    return "GET";
  }

  @Override
  public String host(Map<String, String> request) {
    return request.get("Host");
  }

  @Override
  public int port(Map<String, String> request) {
    return 80;
  }

  @Override
  public Map<String, String> with(Map<String, String> request, String[] headers) {
    Map<String, String> r = request();
    r.putAll(request);
    for (int i = 0; i < headers.length; i += 2) {
      r.put(headers[i], headers[i + 1]);
    }
    return r;
  }

  @Override
  public int status(Integer answer) {
    return answer;
  }

  @Override
  public String answerHeader(Integer answer, String name) {
    return null;
  }

  @Override
  public Integer refused(Map<String, String> request, RefusalView refusal) {
    return refusal.status();
  }

  @Override
  public FailureTable failures() {
    return new FailureTable();
  }
}
