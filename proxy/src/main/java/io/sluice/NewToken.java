package io.sluice;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.sluice.config.SluiceConfig.Role;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code ./sluice token}: so that nobody makes one up, or hashes it with a line end. */
@Command(
    name = "token",
    description = "Make a token for the admin API, and the line that lets it in.",
    footer = {
      "",
      "The first line is the token, for whoever is to use it; the second is for the configuration,"
          + " which knows only its hash. Nothing is kept: the token cannot be had again."
    })
final class NewToken implements Callable<Integer> {
  private static final int BYTES = 32;

  /** By which programs that look for secrets in the wrong place know it. */
  private static final String PREFIX = "sluice_";

  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = "--name",
      defaultValue = "ops",
      paramLabel = "NAME",
      description = "Who uses it, for the audit log: ${DEFAULT-VALUE} if not given.")
  private String name = "";

  @Option(
      names = "--role",
      defaultValue = "viewer",
      paramLabel = "ROLE",
      description = "viewer or admin: ${DEFAULT-VALUE} if not given.")
  private Role role = Role.VIEWER;

  @Override
  public Integer call() throws NoSuchAlgorithmException {
    var command = Objects.requireNonNull(spec, "picocli fills it in").commandLine();
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")) {
      throw new ParameterException(
          command,
          "--name: a name starts with a letter or digit, goes on with these or . _ @ - and has at"
              + " most 63");
    }
    byte[] random = new byte[BYTES];
    new SecureRandom().nextBytes(random);
    String token = PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(random);
    byte[] hash = MessageDigest.getInstance("SHA-256").digest(token.getBytes(US_ASCII));
    command
        .getOut()
        .printf(
            Locale.ROOT,
            "%s%nadmin.tokens += { name = \"%s\", sha256 = \"%s\", role = %s }%n",
            token,
            name,
            HexFormat.of().formatHex(hash),
            role.name().toLowerCase(Locale.ROOT));
    command.getOut().flush();
    return 0;
  }
}
