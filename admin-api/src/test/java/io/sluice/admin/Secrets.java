package io.sluice.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.sluice.config.SluiceConfig.Role;
import io.sluice.config.SluiceConfig.Token;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Tokens as the configuration knows them. */
final class Secrets {
  private Secrets() {}

  static Token token(String name, String text, Role role) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8));
      return new Token(name, HexFormat.of().formatHex(hash), role);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
