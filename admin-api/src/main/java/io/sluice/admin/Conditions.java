package io.sluice.admin;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * On what condition a change shall happen: RFC 9110, sections 13.1.1 and 13.1.2. The contract's
 * pattern has seen to it that the fields are well-formed.
 */
record Conditions(Optional<String> ifMatch, Optional<String> ifNoneMatch) {
  private static final Pattern ENTITY_TAG = Pattern.compile("(W/)?(\"[^\"]*\")");
  private static final int ETAG_BYTES = 8;

  static Conditions of(Contract.Call call) {
    return new Conditions(call.text("If-Match"), call.text("If-None-Match"));
  }

  /** The entity tag of what can be said in a text. */
  static String etag(String text) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return '"' + HexFormat.of().formatHex(hash, 0, ETAG_BYTES) + '"';
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }

  /**
   * Throws unless what there is, is what was meant.
   *
   * @param etag of what there is; empty if there is nothing
   */
  void require(Optional<String> etag) {
    if (ifMatch.isPresent() && !matches(ifMatch.get(), etag, false)) {
      throw Problem.changed("If-Match", etag);
    }
    if (ifNoneMatch.isPresent() && matches(ifNoneMatch.get(), etag, true)) {
      throw Problem.changed("If-None-Match", etag);
    }
  }

  /** If-Match compares strongly: a weak tag matches nothing; If-None-Match weakly. */
  private static boolean matches(String field, Optional<String> etag, boolean weakly) {
    if (etag.isEmpty() || field.equals("*")) {
      return etag.isPresent();
    }
    List<MatchResult> tags = ENTITY_TAG.matcher(field).results().toList();
    return tags.stream()
        .filter(tag -> weakly || tag.group(1) == null)
        .anyMatch(tag -> tag.group(2).equals(etag.get()));
  }
}
