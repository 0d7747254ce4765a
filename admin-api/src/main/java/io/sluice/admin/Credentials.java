package io.sluice.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.sluice.config.SluiceConfig.Role;
import io.sluice.config.SluiceConfig.Token;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/** By what callers are known: the hashes of tokens, and whether certificates count. Immutable. */
final class Credentials {
  private final List<Token> tokens;
  private final Optional<Role> clientRole;

  /**
   * @param clientRole of who has a client certificate, where those are asked for
   */
  Credentials(List<Token> tokens, Optional<Role> clientRole) {
    this.tokens = List.copyOf(tokens);
    this.clientRole = clientRole;
  }

  Credentials with(List<Token> others) {
    return new Credentials(others, clientRole);
  }

  /** Whether nobody needs to say who they are. */
  boolean none() {
    return tokens.isEmpty() && clientRole.isEmpty();
  }

  Optional<Role> clientRole() {
    return clientRole;
  }

  /** Whose token that is. How long it takes says nothing about how near it is to any. */
  Optional<Caller> find(String text) {
    byte[] hash = sha256(text);
    Optional<Caller> found = Optional.empty();
    for (Token token : tokens) {
      if (MessageDigest.isEqual(HexFormat.of().parseHex(token.sha256()), hash)) {
        found = Optional.of(new Caller(token.name(), token.role(), token));
      }
    }
    return found;
  }

  /** Whether who was let in by earlier credentials would be by these, and with the same role. */
  boolean stillKnow(Caller caller) {
    return none()
        || (caller.token() == null ? clientRole.isPresent() : tokens.contains(caller.token()));
  }

  private static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e); // every Java has it
    }
  }
}
