package org.example.parley;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** How requests and replies are written. */
final class Wire {
  private Wire() {}

  static void write(DataOutputStream out, Request request) throws IOException {
    out.writeUTF(request.method());
    write(out, request.headers(), request.text());
  }

  static Request request(DataInputStream in) throws IOException {
    String method = in.readUTF();
    Map<String, String> headers = headers(in);
    Request request = new Request(method, in.readUTF());
    headers.forEach(request::header);
    return request;
  }

  static void write(DataOutputStream out, Reply reply) throws IOException {
    out.writeInt(reply.code());
    write(out, reply.headers(), reply.text());
  }

  static Reply reply(DataInputStream in) throws IOException {
    int code = in.readInt();
    Map<String, String> headers = headers(in);
    Reply reply = new Reply(code, in.readUTF());
    headers.forEach(reply::header);
    return reply;
  }

  private static void write(DataOutputStream out, Map<String, String> headers, String text)
      throws IOException {
    out.writeInt(headers.size());
    for (Map.Entry<String, String> h : headers.entrySet()) {
      out.writeUTF(h.getKey());
      out.writeUTF(h.getValue());
    }
    out.writeUTF(text);
    out.flush();
  }

  private static Map<String, String> headers(DataInputStream in) throws IOException {
    Map<String, String> headers = new LinkedHashMap<>();
    for (int n = in.readInt(); n > 0; n--) {
      headers.put(in.readUTF(), in.readUTF());
    }
    return headers;
  }
}
