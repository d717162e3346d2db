package io.weir.control.parse;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.LoaderOptions;

/**
 * Parses the bytes of a document into a tree of {@link DocumentNode}s.
 *
 * <p>The text may be hostile, so size, depth and number of values are bounded before anything is
 * built. Anchors, aliases and tags of YAML are refused: a rule needs none of them, and a small text
 * with aliases can expand to gigabytes. There is no data binding, so a document cannot name
 * classes.
 *
 * <p>The content decides between JSON and YAML. A document is JSON when its opening brackets are
 * followed by a double quote or a closing bracket. Everything else is read as YAML, which includes
 * the other forms of JSON.
 */
final class DocumentReader {
  static final int MAX_BYTES = 256 * 1024;
  static final int MAX_DEPTH = 32;
  static final int MAX_VALUES = 20_000;

  private static final StreamReadConstraints LIMITS =
      StreamReadConstraints.builder()
          .maxNestingDepth(MAX_DEPTH + 8)
          .maxStringLength(MAX_BYTES)
          .maxNameLength(1024)
          .maxNumberLength(64)
          .build();
  private static final JsonFactory JSON =
      JsonFactory.builder().streamReadConstraints(LIMITS).build();
  private static final YAMLFactory YAML = yaml();

  private final String key;
  private int values;

  private DocumentReader(String key) {
    this.key = key;
  }

  private static YAMLFactory yaml() {
    LoaderOptions options = new LoaderOptions();
    options.setCodePointLimit(MAX_BYTES);
    options.setNestingDepthLimit(MAX_DEPTH + 8);
    options.setMaxAliasesForCollections(0);
    // YAML 1.1 reads off, no and y as booleans, which would change an id or a label of that name
    return YAMLFactory.builder()
        .enable(YAMLParser.Feature.PARSE_BOOLEAN_LIKE_WORDS_AS_STRINGS)
        .loaderOptions(options)
        .streamReadConstraints(LIMITS)
        .build();
  }

  /**
   * Reads one document.
   *
   * @throws DocumentRefused it is no JSON or YAML, or exceeds a bound
   */
  static DocumentNode read(String key, byte[] document) throws DocumentRefused {
    return new DocumentReader(key).read(document);
  }

  private DocumentNode read(byte[] document) throws DocumentRefused {
    if (document.length > MAX_BYTES) {
      throw refuse(
          ProblemCode.TOO_LARGE,
          document.length + " bytes",
          "a document is at most " + MAX_BYTES + " bytes",
          0,
          0);
    }
    String text = decode(document);
    boolean json = looksLikeJson(text);
    try (JsonParser parser = json ? JSON.createParser(text) : YAML.createParser(text)) {
      if (parser.nextToken() == null) {
        throw refuse(
            ProblemCode.EMPTY,
            "",
            "the document is empty; delete the key to remove the rule",
            0,
            0);
      }
      DocumentNode root = value(parser, 0);
      if (parser.nextToken() != null) {
        JsonLocation at = parser.currentTokenLocation();
        throw refuse(
            ProblemCode.SEVERAL_DOCUMENTS,
            "",
            "one document per key; use a list, or several keys",
            at.getLineNr(),
            at.getColumnNr());
      }
      return root;
    } catch (JsonProcessingException e) {
      JsonLocation at = e.getLocation();
      throw refuse(
          ProblemCode.SYNTAX,
          "",
          "not " + (json ? "JSON" : "YAML") + ": " + firstLine(e.getOriginalMessage()),
          at == null ? 0 : at.getLineNr(),
          at == null ? 0 : at.getColumnNr());
    } catch (IOException | RuntimeException | StackOverflowError e) {
      throw refuse(
          ProblemCode.SYNTAX,
          "",
          "not " + (json ? "JSON" : "YAML") + ": " + firstLine(String.valueOf(e.getMessage())),
          0,
          0);
    }
  }

  private DocumentNode value(JsonParser p, int depth) throws IOException, DocumentRefused {
    JsonLocation at = p.currentTokenLocation();
    int line = at.getLineNr();
    int column = at.getColumnNr();
    if (++values > MAX_VALUES) {
      throw refuse(
          ProblemCode.TOO_LARGE,
          "",
          "a document holds at most " + MAX_VALUES + " values",
          line,
          column);
    }
    refuseYamlExtras(p, line, column);
    JsonToken token = p.currentToken();
    switch (token) {
      case START_OBJECT:
        checkDepth(depth, line, column);
        Map<String, DocumentNode> fields = new LinkedHashMap<String, DocumentNode>();
        while (p.nextToken() == JsonToken.FIELD_NAME) {
          JsonLocation nameAt = p.currentTokenLocation();
          refuseYamlExtras(p, nameAt.getLineNr(), nameAt.getColumnNr());
          String name = p.currentName();
          p.nextToken();
          if (fields.put(name, value(p, depth + 1)) != null) {
            throw new DocumentRefused(
                new RuleProblem(
                    ProblemCode.DUPLICATE_FIELD,
                    true,
                    key,
                    RuleProblem.quote(name),
                    "",
                    "each field once",
                    nameAt.getLineNr(),
                    nameAt.getColumnNr(),
                    null));
          }
        }
        return DocumentNode.object(fields, line, column);
      case START_ARRAY:
        checkDepth(depth, line, column);
        List<DocumentNode> items = new ArrayList<DocumentNode>();
        while (p.nextToken() != JsonToken.END_ARRAY) {
          items.add(value(p, depth + 1));
        }
        return DocumentNode.list(items, line, column);
      case VALUE_STRING:
        return DocumentNode.scalar(DocumentNode.Kind.TEXT, p.getText(), line, column);
      case VALUE_NUMBER_INT:
      case VALUE_NUMBER_FLOAT:
        return DocumentNode.scalar(DocumentNode.Kind.NUMBER, p.getText(), line, column);
      case VALUE_TRUE:
      case VALUE_FALSE:
        return DocumentNode.scalar(
            DocumentNode.Kind.BOOLEAN,
            token == JsonToken.VALUE_TRUE ? "true" : "false",
            line,
            column);
      case VALUE_NULL:
        return DocumentNode.scalar(DocumentNode.Kind.NULL, "", line, column);
      default:
        throw refuse(ProblemCode.SYNTAX, "", "unexpected " + token, line, column);
    }
  }

  private void checkDepth(int depth, int line, int column) throws DocumentRefused {
    if (depth >= MAX_DEPTH) {
      throw refuse(ProblemCode.TOO_DEEP, "", "at most " + MAX_DEPTH + " levels", line, column);
    }
  }

  private void refuseYamlExtras(JsonParser p, int line, int column)
      throws IOException, DocumentRefused {
    if (p instanceof YAMLParser) {
      YAMLParser y = (YAMLParser) p;
      if (y.isCurrentAlias() || y.getObjectId() != null || y.getTypeId() != null) {
        throw refuse(
            ProblemCode.YAML_EXTRAS,
            "",
            "write values out: no anchors, aliases, tags",
            line,
            column);
      }
    }
  }

  private String decode(byte[] document) throws DocumentRefused {
    CharsetDecoder decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    ByteBuffer in = ByteBuffer.wrap(document);
    CharBuffer out = CharBuffer.allocate(document.length);
    CoderResult result = decoder.decode(in, out, true);
    out.flip();
    if (result.isError()) {
      int line = 1;
      int column = 1;
      for (int i = 0; i < out.length(); i++) {
        boolean newLine = out.charAt(i) == '\n';
        line += newLine ? 1 : 0;
        column = newLine ? 1 : column + 1;
      }
      try {
        result.throwException();
      } catch (CharacterCodingException e) {
        throw refuse(
            ProblemCode.ENCODING,
            "",
            "the document must be UTF-8: " + e.getMessage(),
            line,
            column);
      }
    }
    String text = out.toString();
    return text.startsWith("\uFEFF") ? text.substring(1) : text;
  }

  static boolean looksLikeJson(String text) {
    boolean open = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '{' || c == '[') {
        open = true;
      } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
        return open && (c == '"' || c == '}' || c == ']');
      }
    }
    return open;
  }

  private DocumentRefused refuse(
      ProblemCode code, String value, String expectation, int line, int column) {
    return new DocumentRefused(
        new RuleProblem(
            code, true, key, "", value, expectation, Math.max(0, line), Math.max(0, column), null));
  }

  private static String firstLine(String message) {
    int end = message.indexOf('\n');
    return RuleProblem.quote(end < 0 ? message : message.substring(0, end));
  }
}
