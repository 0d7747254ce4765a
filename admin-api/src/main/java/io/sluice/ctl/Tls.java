package io.sluice.ctl;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/** Whom to believe to be the appliance, and how to prove who we are, from PEM files. */
final class Tls {
  private static final Pattern PKCS8 =
      Pattern.compile("-----BEGIN PRIVATE KEY-----(.*?)-----END PRIVATE KEY-----", Pattern.DOTALL);

  /** No password protects what never leaves this process. */
  private static final char[] NO_PASSWORD = {};

  private Tls() {}

  /**
   * @param ca whom to believe; null for those the Java runtime does
   * @param certificate our own, with the chain to whom the appliance believes; null for none
   * @param key its private key
   */
  static SSLContext context(@Nullable Path ca, @Nullable Path certificate, @Nullable Path key) {
    if ((certificate == null) != (key == null)) {
      throw Failure.usage("--certificate and --key belong together: give both, or none");
    }
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(
          certificate == null || key == null ? null : proof(certificate, key),
          ca == null ? null : trust(ca),
          null);
      return context;
    } catch (GeneralSecurityException e) {
      throw Failure.usage("TLS cannot be set up: " + e.getMessage());
    }
  }

  private static TrustManager[] trust(Path ca) throws GeneralSecurityException {
    KeyStore store = emptyStore();
    for (Certificate each : certificates("--ca", ca)) {
      store.setCertificateEntry("ca-" + store.size(), each);
    }
    var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    return factory.getTrustManagers();
  }

  private static KeyManager[] proof(Path certificate, Path key) throws GeneralSecurityException {
    Certificate[] chain = certificates("--certificate", certificate).toArray(Certificate[]::new);
    KeyStore store = emptyStore();
    store.setKeyEntry("us", privateKey(key, chain[0]), NO_PASSWORD, chain);
    var factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, NO_PASSWORD);
    return factory.getKeyManagers();
  }

  private static KeyStore emptyStore() throws GeneralSecurityException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try {
      store.load(null, null);
    } catch (IOException e) {
      throw new IllegalStateException(e); // it reads nothing
    }
    return store;
  }

  private static Collection<? extends Certificate> certificates(String option, Path file) {
    try (InputStream pem = Files.newInputStream(file)) {
      var all = CertificateFactory.getInstance("X.509").generateCertificates(pem);
      if (!all.isEmpty()) {
        return all;
      }
    } catch (IOException | GeneralSecurityException e) {
      throw unusable(option, file, "of certificates", e.toString());
    }
    throw unusable(option, file, "of certificates", "it holds none");
  }

  private static PrivateKey privateKey(Path file, Certificate certificate) {
    try {
      Matcher pem = PKCS8.matcher(Files.readString(file));
      if (!pem.find()) {
        throw unusable("--key", file, "of a private key", "no BEGIN PRIVATE KEY (PKCS #8) in it");
      }
      byte[] der = Base64.getMimeDecoder().decode(pem.group(1));
      return KeyFactory.getInstance(certificate.getPublicKey().getAlgorithm())
          .generatePrivate(new PKCS8EncodedKeySpec(der));
    } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
      throw unusable("--key", file, "of the certificate's private key", e.toString());
    }
  }

  private static Failure unusable(String option, Path file, String of, String why) {
    return Failure.usage("%s %s: is to be a PEM file %s (%s)".formatted(option, file, of, why));
  }
}
