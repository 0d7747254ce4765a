package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.config.SluiceConfig.Role;
import io.sluice.config.SluiceConfig.Token;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CredentialsTest {
  private final Credentials credentials =
      new Credentials(
          List.of(
              Secrets.token("ops", "correct horse", Role.ADMIN),
              Secrets.token("watch", "battery staple", Role.VIEWER)),
          Optional.empty());

  @Test
  void eachTokenIsItsOwners() {
    assertThat(credentials.find("correct horse")).map(Caller::name).hasValue("ops");
    assertThat(credentials.find("battery staple")).map(Caller::name).hasValue("watch");
  }

  @Test
  void whoWasLetInIsStillKnownByTheSameTokenAndRoleOnly() {
    Caller watch = credentials.find("battery staple").orElseThrow();
    assertThat(credentials.stillKnow(watch)).isTrue();
    assertThat(credentials.stillKnow(Caller.LOOPBACK)).isFalse();
    assertThat(credentials.with(List.of()).stillKnow(watch)).as("as is everybody").isTrue();
    Token promoted = Secrets.token("watch", "battery staple", Role.ADMIN);
    Token renewed = Secrets.token("watch", "another", Role.VIEWER);
    assertThat(credentials.with(List.of(promoted)).stillKnow(watch)).isFalse();
    assertThat(credentials.with(List.of(renewed)).stillKnow(watch)).isFalse();
  }

  @Test
  void nothingElseIsAToken() {
    String hash = Secrets.token("ops", "correct horse", Role.ADMIN).sha256();
    for (String text : List.of("", "correct hors", "correct horse ", "Correct horse", hash)) {
      assertThat(credentials.find(text)).as(text).isEmpty();
    }
  }

  @Test
  void withoutTokensAndCertificatesNobodyNeedsToSayWhoTheyAre() {
    assertThat(credentials.none()).isFalse();
    assertThat(credentials.with(List.of()).none()).isTrue();
    assertThat(new Credentials(List.of(), Optional.of(Role.VIEWER)).none()).isFalse();
  }
}
