package io.weir.bootstrap;

import java.util.ArrayList;
import java.util.List;

/** What advice of tests has seen: in the one package of ours that woven classes may name. */
public final class Seen {
  /** In order. */
  public static final List<Object> SEEN = new ArrayList<>();

  private Seen() {}
}
