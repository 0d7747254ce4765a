package io.sluice.admin;

import io.sluice.config.SluiceConfig.Tls;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.ClientAuth;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.core.net.ServerSSLOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import javax.net.ssl.X509KeyManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The files of {@code admin.tls}: read, held against each other, and watched for newer ones. */
final class Certificates {
  private static final Logger LOG = LoggerFactory.getLogger(Certificates.class);
  private static final int MAX_BYTES = 1 << 20;

  private final Vertx vertx;
  private final Tls files;
  private List<Object> seen = List.of();

  Certificates(Vertx vertx, Tls files) {
    this.vertx = vertx;
    this.files = files;
  }

  /** Whether the files are others than when this was asked before. */
  boolean changed() {
    List<Object> now =
        Stream.concat(Stream.of(files.certificate(), files.key()), files.clientCa().stream())
            .map(Certificates::stamp)
            .toList();
    boolean changed = !now.equals(seen);
    seen = now;
    return changed;
  }

  /** What differs after a file was written, or another put in its place, by a link too. */
  private static Object stamp(Path file) {
    try {
      var attributes = Files.readAttributes(file, BasicFileAttributes.class);
      return Arrays.asList(attributes.fileKey(), attributes.lastModifiedTime(), attributes.size());
    } catch (IOException e) {
      return "missing";
    }
  }

  /**
   * Reads them.
   *
   * @throws IOException with words for the operator
   */
  ServerSSLOptions read() throws IOException {
    PemKeyCertOptions own =
        new PemKeyCertOptions()
            .addCertValue(content("certificate", files.certificate()))
            .addKeyValue(content("key", files.key()));
    check(own);
    ServerSSLOptions options =
        new ServerSSLOptions()
            .setKeyCertOptions(own)
            .setClientAuth(files.clientCa().isPresent() ? ClientAuth.REQUIRED : ClientAuth.NONE);
    if (files.clientCa().isPresent()) {
      options.setTrustOptions(trust(files.clientCa().get()));
    }
    return options;
  }

  private PemTrustOptions trust(Path clientCa) throws IOException {
    PemTrustOptions trust = new PemTrustOptions().addCertValue(content("client-ca", clientCa));
    try {
      var _ = trust.getTrustManagerFactory(vertx);
      return trust;
    } catch (Exception e) {
      throw unusable("client-ca", clientCa, e, "is to be certificates in PEM");
    }
  }

  private void check(PemKeyCertOptions own) throws IOException {
    X509KeyManager keys;
    try {
      keys = (X509KeyManager) own.getKeyManagerFactory(vertx).getKeyManagers()[0];
    } catch (Exception e) {
      throw unusable(
          "key",
          files.key(),
          e,
          "and the certificate are to be PEM, the key PKCS#8 without a password");
    }
    String alias =
        Stream.of("RSA", "EC", "EdDSA", "Ed25519", "RSASSA-PSS")
            .flatMap(type -> Stream.ofNullable(keys.getServerAliases(type, null)))
            .flatMap(Stream::of)
            .findFirst()
            .orElseThrow(() -> new IOException("admin.tls.key: neither RSA nor EC nor EdDSA"));
    X509Certificate certificate = keys.getCertificateChain(alias)[0];
    if (!belongTogether(keys.getPrivateKey(alias), certificate)) {
      throw new IOException(
          "admin.tls: %s is not the key of %s: give the two that were made together"
              .formatted(files.key(), files.certificate()));
    }
    Instant end = certificate.getNotAfter().toInstant();
    if (end.isBefore(Instant.now())) {
      LOG.warn("admin.tls.certificate: {} has expired: {}", files.certificate(), end);
    }
  }

  private static boolean belongTogether(PrivateKey key, X509Certificate certificate)
      throws IOException {
    String algorithm =
        switch (key.getAlgorithm()) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          case String other -> other;
        };
    byte[] text = {1};
    try {
      Signature signature = Signature.getInstance(algorithm);
      signature.initSign(key);
      signature.update(text);
      byte[] signed = signature.sign();
      signature.initVerify(certificate.getPublicKey());
      signature.update(text);
      return signature.verify(signed);
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  private static Buffer content(String key, Path file) throws IOException {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new IOException("it is larger than 1 MiB");
      }
      return Buffer.buffer(Files.readAllBytes(file));
    } catch (NoSuchFileException e) {
      throw unusable(key, file, e, "is not there: give the path of a PEM file");
    } catch (IOException e) {
      throw unusable(key, file, e, "cannot be read: it is to be a PEM file that Sluice may read");
    }
  }

  private static IOException unusable(String key, Path file, Exception cause, String advice) {
    return new IOException(
        "admin.tls.%s: %s %s (%s)".formatted(key, file, advice, cause.getMessage()), cause);
  }
}
