package site;

import java.io.File;
import java.util.concurrent.RejectedExecutionException;

/** A pool that has no thread for anybody while a file is there ({@code -Dsite.full=FILE}). */
public final class Full {
  private static final String FILE = System.getProperty("site.full");

  private Full() {}

  public static void check() {
    if (FILE != null && new File(FILE).exists()) {
      System.out.println("REJECTED");
      throw new RejectedExecutionException("full");
    }
  }
}
