package org.example.shop;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.example.parley.ParleyClient;
import org.example.parley.ParleyServer;
import org.example.parley.Reply;
import org.example.parley.Request;

/**
 * One service of a shop. It answers {@code echo} with the headers it got, {@code fail} with a
 * failure, and {@code forward} with what the next service says to {@code echo}. Each line on stdin,
 * {@code METHOD [HEADER=VALUE ...]}, is a call to the next service, and its reply a line on stdout.
 */
public final class ShopMain {
  private ShopMain() {}

  /**
   * @param args port of the next service, if there is one
   */
  public static void main(String[] args) throws IOException {
    ParleyClient next =
        args.length == 0 ? null : new ParleyClient("127.0.0.1", Integer.parseInt(args[0]));
    ParleyServer server = new ParleyServer(0, request -> answer(request, next)).start();
    System.out.println("READY " + server.port());
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = in.readLine()) != null; ) {
      String[] words = line.split(" ");
      Request request = new Request(words[0], "");
      for (int i = 1; i < words.length; i++) {
        request.header(words[i].split("=")[0], words[i].split("=")[1]);
      }
      System.out.println(told(next, request));
    }
  }

  private static String told(ParleyClient next, Request request) {
    try {
      Reply reply = next.call(request);
      return "REPLY " + reply.code() + " " + reply.headers() + " " + reply.text();
    } catch (IOException e) {
      return "REPLY threw " + e;
    }
  }

  private static Reply answer(Request request, ParleyClient next) {
    switch (request.method()) {
      case "echo":
        return new Reply(Reply.DONE, request.headers().toString());
      case "forward":
        try {
          return next.call(new Request("echo", ""));
        } catch (IOException e) {
          throw new IllegalStateException(e);
        }
      default:
        throw new IllegalStateException("no such method");
    }
  }
}
