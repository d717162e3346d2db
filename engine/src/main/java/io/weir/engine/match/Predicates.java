package io.weir.engine.match;

import com.google.re2j.Pattern;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The nodes of a compiled expression. */
final class Predicates {
  private Predicates() {}

  /** {@code &&} ({@code all}) or {@code ||} of several expressions, tested in the order written. */
  static final class Junction implements MatchExpression {
    final boolean all;
    private final MatchExpression[] parts;

    Junction(boolean all, List<MatchExpression> parts) {
      this.all = all;
      this.parts = parts.toArray(new MatchExpression[0]);
    }

    @Override
    public <C> boolean test(AttributeSource<C> source, C call) {
      for (MatchExpression m : parts) {
        if (m.test(source, call) != all) {
          return !all;
        }
      }
      return all;
    }

    @Override
    public void attributes(Collection<? super Attribute> to) {
      for (MatchExpression m : parts) {
        m.attributes(to);
      }
    }

    @Override
    public String toString() {
      StringBuilder s = new StringBuilder();
      for (MatchExpression m : parts) {
        if (s.length() > 0) {
          s.append(all ? " && " : " || ");
        }
        // && binds tighter and equal junctions are flattened, so only || inside && needs brackets
        boolean bracket = all && m instanceof Junction;
        s.append(bracket ? "(" : "").append(m).append(bracket ? ")" : "");
      }
      return s.toString();
    }
  }

  static final class Exists implements MatchExpression {
    private final Attribute attribute;
    private final boolean negated;

    Exists(Attribute attribute, boolean negated) {
      this.attribute = attribute;
      this.negated = negated;
    }

    @Override
    public <C> boolean test(AttributeSource<C> source, C call) {
      return (attribute.read(source, call) == null) == negated;
    }

    @Override
    public void attributes(Collection<? super Attribute> to) {
      to.add(attribute);
    }

    @Override
    public String toString() {
      return (negated ? "!" : "") + "exists " + attribute;
    }
  }

  /** A test of one attribute's value. When the attribute is absent it is false, negated or not. */
  abstract static class Test implements MatchExpression {
    final Attribute attribute;
    final boolean negated;

    Test(Attribute attribute, boolean negated) {
      this.attribute = attribute;
      this.negated = negated;
    }

    @Override
    public final <C> boolean test(AttributeSource<C> source, C call) {
      String value = attribute.read(source, call);
      return value != null && canHandle(value) && holds(value) != negated;
    }

    @Override
    public final void attributes(Collection<? super Attribute> to) {
      to.add(attribute);
    }

    /** Whether the test can handle this value; a value that it cannot handle counts as absent. */
    boolean canHandle(String value) {
      return true;
    }

    /** Whether the test without its negation is true of this value, which it can handle. */
    abstract boolean holds(String value);

    /** The test without its negation, as a rule's author would write it. */
    abstract String text();

    @Override
    public String toString() {
      return negated ? "!(" + text() + ")" : text();
    }
  }

  static final class Equal extends Test {
    final String operand;

    Equal(Attribute attribute, boolean negated, String operand) {
      super(attribute, negated);
      this.operand = operand;
    }

    @Override
    boolean holds(String value) {
      return value.equals(operand);
    }

    @Override
    String text() {
      return attribute + " == " + quote(operand);
    }

    @Override
    public String toString() {
      return attribute + (negated ? " != " : " == ") + quote(operand);
    }
  }

  static final class In extends Test {
    /** Up to this many operands, comparing one by one is faster than hashing the value. */
    private static final int LINEAR = 8;

    final String[] operands;

    /** The operands, null when there are few. */
    private final @Nullable Set<String> set;

    In(Attribute attribute, boolean negated, List<String> operands) {
      super(attribute, negated);
      this.operands = operands.toArray(new String[0]);
      this.set = operands.size() > LINEAR ? new HashSet<String>(operands) : null;
    }

    @Override
    boolean holds(String value) {
      if (set != null) {
        return set.contains(value);
      }
      for (String o : operands) {
        if (o.equals(value)) {
          return true;
        }
      }
      return false;
    }

    @Override
    String text() {
      StringBuilder s = new StringBuilder().append(attribute).append(" in [");
      for (int i = 0; i < operands.length; i++) {
        s.append(i == 0 ? "" : ", ").append(quote(operands[i]));
      }
      return s.append(']').toString();
    }
  }

  static final class StartsWith extends Test {
    private final String operand;

    StartsWith(Attribute attribute, boolean negated, String operand) {
      super(attribute, negated);
      this.operand = operand;
    }

    @Override
    boolean holds(String value) {
      return value.startsWith(operand);
    }

    @Override
    String text() {
      return attribute + " startsWith " + quote(operand);
    }
  }

  static final class EndsWith extends Test {
    private final String operand;

    EndsWith(Attribute attribute, boolean negated, String operand) {
      super(attribute, negated);
      this.operand = operand;
    }

    @Override
    boolean holds(String value) {
      return value.endsWith(operand);
    }

    @Override
    String text() {
      return attribute + " endsWith " + quote(operand);
    }
  }

  static final class Contains extends Test {
    private final String operand;

    Contains(Attribute attribute, boolean negated, String operand) {
      super(attribute, negated);
      this.operand = operand;
    }

    @Override
    boolean holds(String value) {
      return value.contains(operand);
    }

    @Override
    String text() {
      return attribute + " contains " + quote(operand);
    }
  }

  static final class Matches extends Test {
    /** Longer values count as absent: matching takes linear time, and callers choose the length. */
    static final int MAX_VALUE = 4096;

    private final Pattern pattern;

    Matches(Attribute attribute, boolean negated, Pattern pattern) {
      super(attribute, negated);
      this.pattern = pattern;
    }

    @Override
    boolean canHandle(String value) {
      return value.length() <= MAX_VALUE;
    }

    @Override
    boolean holds(String value) {
      return pattern.matches(value);
    }

    @Override
    String text() {
      return attribute + " matches " + quote(pattern.pattern());
    }
  }

  /** Integer comparison; a value that is not an integer of at most 18 digits counts as absent. */
  static final class Compare extends Test {
    private final boolean less;
    private final boolean orEqual;
    private final long operand;

    Compare(Attribute attribute, boolean less, boolean orEqual, long operand) {
      super(attribute, false);
      this.less = less;
      this.orEqual = orEqual;
      this.operand = operand;
    }

    @Override
    boolean canHandle(String value) {
      return Integers.isLong(value);
    }

    @Override
    boolean holds(String value) {
      long v = Integers.parse(value);
      return v == operand ? orEqual : v < operand == less;
    }

    @Override
    String text() {
      return attribute + (less ? " <" : " >") + (orEqual ? "= " : " ") + operand;
    }
  }

  /** True for values whose {@link XxHash#place place} is below {@code share}, in millionths. */
  static final class Percent extends Test {
    private final int share;
    private final long seed;

    Percent(Attribute attribute, boolean negated, int share) {
      super(attribute, negated);
      this.share = share;
      this.seed = XxHash.seed(attribute.toString());
    }

    @Override
    boolean holds(String value) {
      return XxHash.place(seed, value) < share;
    }

    @Override
    String text() {
      java.math.BigDecimal percent = java.math.BigDecimal.valueOf(share, 4);
      String number = share == 0 ? "0" : percent.stripTrailingZeros().toPlainString();
      return "percent(" + attribute + ", " + number + ")";
    }
  }

  /** Parses integers without throwing or allocating. */
  static final class Integers {
    private static final int MAX_DIGITS = 18;

    private Integers() {}

    /** Whether this is an optional minus and 1 to 18 digits; every such number fits a long. */
    static boolean isLong(String s) {
      int start = s.startsWith("-") ? 1 : 0;
      int digits = s.length() - start;
      if (digits < 1 || digits > MAX_DIGITS) {
        return false;
      }
      for (int i = start; i < s.length(); i++) {
        if (s.charAt(i) < '0' || s.charAt(i) > '9') {
          return false;
        }
      }
      return true;
    }

    /** Parses a number that {@link #isLong} accepts. */
    static long parse(String s) {
      boolean minus = s.charAt(0) == '-';
      long v = 0;
      for (int i = minus ? 1 : 0; i < s.length(); i++) {
        v = v * 10 + (s.charAt(i) - '0');
      }
      return minus ? -v : v;
    }
  }

  static String quote(String s) {
    return '\'' + s.replace("'", "''") + '\'';
  }

  /** Joins expressions by {@code &&} ({@code all}) or {@code ||}, and flattens equal junctions. */
  static MatchExpression junction(boolean all, List<MatchExpression> parts) {
    if (parts.size() == 1) {
      return parts.get(0);
    }
    List<MatchExpression> flat = new java.util.ArrayList<MatchExpression>();
    for (MatchExpression m : parts) {
      if (m instanceof Junction && ((Junction) m).all == all) {
        flat.addAll(Arrays.asList(((Junction) m).parts));
      } else {
        flat.add(m);
      }
    }
    return new Junction(all, flat);
  }
}
