package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Certificates of an afternoon, by openssl. */
final class Authority {
  private final Path folder;

  Authority(Path folder) throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/openssl")), "openssl is not installed");
    this.folder = folder;
    openssl(
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=Test CA",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem");
  }

  Path file(String name) {
    return folder.resolve(name);
  }

  /** Makes {@code name.pem} and {@code name.key}. */
  void issue(String name, String subject, String... algorithm) throws Exception {
    String[] request = {
      "req", "-new", "-nodes", "-subj", subject, "-keyout", name + ".key", "-out", name + ".csr"
    };
    List<String> all = new ArrayList<>(List.of(request));
    all.addAll(
        algorithm.length > 0
            ? List.of(algorithm)
            : List.of("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"));
    openssl(all.toArray(String[]::new));
    Files.writeString(file("ext"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
    openssl(
        "x509",
        "-req",
        "-in",
        name + ".csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "ext",
        "-out",
        name + ".pem");
  }

  private void openssl(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("openssl"));
    command.addAll(List.of(arguments));
    Ended ended = Ended.run(new ProcessBuilder(command).directory(folder.toFile()));
    assertThat(ended.status()).as("%s: %s", command, ended.err()).isZero();
  }
}
