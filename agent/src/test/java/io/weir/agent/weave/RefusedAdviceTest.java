package io.weir.agent.weave;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Seen;
import io.weir.bootstrap.Skip;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.util.List;
import java.util.stream.Stream;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.Advice.AssignReturned.ToArguments.ToArgument;
import net.bytebuddy.implementation.bytecode.assign.Assigner.Typing;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What Byte Buddy would do and the inliner does not is refused in words, never left out. */
@SuppressWarnings("unused")
class RefusedAdviceTest {
  /** What the message says of an advice class. */
  @Retention(RetentionPolicy.RUNTIME)
  private @interface Because {
    String value();
  }

  @Because("enter does not suppress Throwable")
  static class SuppressesNothing {
    @Advice.OnMethodEnter
    static void enter() {}
  }

  @Because("enter does not suppress Throwable")
  static class SuppressesLess {
    @Advice.OnMethodEnter(suppress = RuntimeException.class)
    static void enter() {}
  }

  @Because("enter has @OnMethodEnter with inline=false")
  static class NotInlined {
    @Advice.OnMethodEnter(suppress = Throwable.class, inline = false)
    static void enter() {}
  }

  @Because("enter has @OnMethodEnter with prependLineNumber=false")
  static class LineNumbers {
    @Advice.OnMethodEnter(suppress = Throwable.class, prependLineNumber = false)
    static void enter() {}
  }

  @Because("enter has @OnMethodEnter with skipOnIndex=1")
  static class SkipsOnAnElement {
    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class, skipOnIndex = 1)
    static Object enter() {
      return null;
    }
  }

  @Because("enter skips on net/bytebuddy/asm/Advice$OnNonDefaultValue")
  static class SkipsOnAValue {
    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Advice.OnNonDefaultValue.class)
    static Object enter() {
      return null;
    }
  }

  @Because("enter skips on io/weir/bootstrap/Skip")
  static class SkipsOnNothing {
    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class)
    static void enter() {}
  }

  @Because("exit comes after java/lang/RuntimeException only")
  static class AfterSome {
    @Advice.OnMethodExit(suppress = Throwable.class, onThrowable = RuntimeException.class)
    static void exit() {}
  }

  @Because("exit has @OnMethodExit with repeatOn=Lio/weir/bootstrap/Skip;")
  static class Repeats {
    @Advice.OnMethodExit(suppress = Throwable.class, repeatOn = Skip.class)
    static Object exit() {
      return null;
    }
  }

  @Because("exit has @OnMethodExit with backupArguments=false")
  static class ArgumentsAsTheyAreLeft {
    @Advice.OnMethodExit(suppress = Throwable.class, backupArguments = false)
    static void exit(@Advice.Argument(0) Object a) {}
  }

  @Because("enter has @Argument with readOnly=false")
  static class WritesAnArgument {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Argument(value = 0, readOnly = false) Object a) {
      a = null;
    }
  }

  @Because("enter has @Argument with optional=true")
  static class PerhapsAnArgument {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Argument(value = 9, optional = true) Object a) {}
  }

  @Because("enter has @This with optional=true")
  static class PerhapsTheObject {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.This(optional = true) Object self) {}
  }

  @Because("enter has @FieldValue with readOnly=false")
  static class WritesAField {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.FieldValue(value = "f", readOnly = false) Object f) {
      f = null;
    }
  }

  @Because("enter has @FieldValue with declaringType=Ljava/lang/Thread;")
  static class FieldOfAnother {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.FieldValue(value = "f", declaringType = Thread.class) Object f) {}
  }

  @Because("exit reads a field after the method")
  static class FieldAfterwards {
    @Advice.OnMethodExit(suppress = Throwable.class)
    static void exit(@Advice.FieldValue("f") Object f) {}
  }

  @Because("exit has @Return with readOnly=false")
  static class WritesTheResult {
    @Advice.OnMethodExit(suppress = Throwable.class)
    static void exit(@Advice.Return(readOnly = false) Object result) {
      result = null;
    }
  }

  @Because("exit has @Thrown with readOnly=false")
  static class WritesTheThrowable {
    @Advice.OnMethodExit(suppress = Throwable.class, onThrowable = Throwable.class)
    static void exit(@Advice.Thrown(readOnly = false) Throwable thrown) {
      thrown = null;
    }
  }

  @Because("exit has @Thrown without onThrowable")
  static class ThrownByNobody {
    @Advice.OnMethodExit(suppress = Throwable.class)
    static void exit(@Advice.Thrown Throwable thrown) {}
  }

  @Because("enter has @Origin with value=#m")
  static class NameOfTheMethod {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Origin("#m") String name) {}
  }

  @Because("enter has an origin that is no class")
  static class TheMethod {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Origin java.lang.reflect.Method method) {}
  }

  @Because("enter has a parameter with @AllArguments")
  static class AllArguments {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.AllArguments Object[] all) {}
  }

  @Because("enter has a parameter with @Local")
  static class Locals {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Local("x") Object x) {}
  }

  @Because("enter has a parameter with @")
  static class NoAnnotation {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(Object first) {}
  }

  @Because("enter has @Return before the method")
  static class TooEarly {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Return Object result) {}
  }

  @Because("exit asks for a state that enter does not give")
  static class NoState {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter() {}

    @Advice.OnMethodExit(suppress = Throwable.class)
    static void exit(@Advice.Enter Object state) {}
  }

  @Because("enter returns a primitive")
  static class PrimitiveState {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static long enter() {
      return 1;
    }
  }

  @Because("enter replaces a result without having one")
  static class ResultBeforehand {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToReturned(typing = Typing.DYNAMIC)
    static Object enter() {
      return null;
    }
  }

  @Because("exit replaces arguments after the method")
  static class ArgumentsAfterwards {
    @Advice.OnMethodExit(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 0, typing = Typing.DYNAMIC))
    static Object exit() {
      return null;
    }
  }

  @Because("exit has @AssignReturned$ToReturned with index=0")
  static class ResultFromAnArray {
    @Advice.OnMethodExit(suppress = Throwable.class)
    @Advice.AssignReturned.ToReturned(index = 0, typing = Typing.DYNAMIC)
    static Object[] exit() {
      return null;
    }
  }

  @Because("exit has @AssignReturned$ToReturned without typing=DYNAMIC")
  static class StaticResult {
    @Advice.OnMethodExit(suppress = Throwable.class)
    @Advice.AssignReturned.ToReturned
    static Object exit() {
      return null;
    }
  }

  @Because("enter replaces an argument by a java.lang.Object[]")
  static class AnArrayForOne {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 0, typing = Typing.DYNAMIC))
    static Object[] enter() {
      return null;
    }
  }

  @Because("exit has @AssignReturned$ToFields")
  static class ToAField {
    @Advice.OnMethodExit(suppress = Throwable.class)
    @Advice.AssignReturned.ToFields(
        @Advice.AssignReturned.ToFields.ToField(value = "f", typing = Typing.DYNAMIC))
    static Object exit() {
      return null;
    }
  }

  @Because("enter catches")
  static class Catches {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter() {
      try {
        Seen.SEEN.clear();
      } catch (RuntimeException e) {
        Seen.SEEN.add(e);
      }
    }
  }

  @Because("enter throws")
  static class Throws {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter() {
      throw new IllegalStateException();
    }
  }

  @Because("enter links at run time")
  static class Lambda {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter() {
      Seen.SEEN.forEach(x -> {});
    }
  }

  @Because("enter names io/weir/agent/weave/RefusedAdviceTest$Helper")
  static class Helper {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter() {
      help();
    }

    static void help() {}
  }

  @Because("exit branches after the method")
  static class BranchesAfterwards {
    @Advice.OnMethodExit(suppress = Throwable.class)
    static void exit(@Advice.Origin Class<?> c) {
      if (c.isInterface()) {
        Seen.SEEN.clear();
      }
    }
  }

  @Because("exit does not suppress Throwable")
  static class ThrowsMore {
    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class)
    static Object enter() {
      return Skip.SKIP;
    }

    @Advice.OnMethodExit
    @Advice.AssignReturned.ToReturned(typing = Typing.DYNAMIC)
    static Object exit(@Advice.Origin Class<?> c, @Advice.Enter Object state) {
      return Bridge.instead(state, c.getName());
    }
  }

  @Because("exit does not suppress Throwable")
  static class ThrowsOverAFailure {
    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class)
    static Object enter() {
      return Skip.SKIP;
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class)
    @Advice.AssignReturned.ToReturned(typing = Typing.DYNAMIC)
    static Object exit(@Advice.Enter Object state) {
      return Bridge.instead(state, null);
    }
  }

  @Because("enter has a hook whose name is no constant")
  static class NamelessHook {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Origin Class<?> c) {
      Bridge.enter(Bridge.hook(c.getName()), c, null, null, null, null);
    }
  }

  @Because("enter is not static")
  static class OfAnObject {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    void enter() {}
  }

  @Because("is one too many: one enter and one exit")
  static class Two {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter() {}

    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void again() {}
  }

  @Because("no method has advice's annotations")
  static class NoAdvice {
    static void enter() {}
  }

  static Stream<Class<?>> refused() {
    return Stream.of(RefusedAdviceTest.class.getDeclaredClasses())
        .filter(c -> !c.isInterface() && c != RefusedAdviceTest.Fine.class);
  }

  @ParameterizedTest
  @MethodSource("refused")
  void whatIsNotImplementedIsRefusedAndNamed(Class<?> advice) throws Exception {
    assertThatThrownBy(
            () -> AdviceClass.read(advice.getName(), RefusedAdviceTest.class.getClassLoader()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(advice.getName() + ": ")
        .hasMessageContaining(advice.getAnnotation(Because.class).value());
  }

  static class Fine {
    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class)
    static Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This(readOnly = true) Object self,
        @Advice.Argument(value = 0, optional = false) Object a) {
      return a == null ? self : Bridge.enter(Bridge.hook("a.Hook"), origin, self, a, null, null);
    }

    @Advice.OnMethodExit(suppress = Throwable.class, onThrowable = Throwable.class)
    static void exit(@Advice.Enter Object state, @Advice.Thrown Throwable thrown) {
      Seen.SEEN.add(thrown);
    }
  }

  @Test
  void whatIsImplementedIsNot() throws Exception {
    AdviceClass fine =
        AdviceClass.read(Fine.class.getName(), RefusedAdviceTest.class.getClassLoader());
    assertThat(fine.hooks()).isEqualTo(List.of("a.Hook"));
  }
}
