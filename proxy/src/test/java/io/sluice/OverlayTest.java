package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.config.Document;
import io.sluice.config.InvalidConfig;
import io.sluice.config.SluiceConfig;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What was changed of single backends, laid over what a file says. */
class OverlayTest {
  @Test
  void theOnlyBackendIsReplacedThoughTheNewOneWasChangedAgainLater() throws Exception {
    Document base = document("b1 { address = \"127.0.0.1:1\" }");
    Overlay overlay =
        Overlay.NONE
            .with(base.config(), "p", "b2", backend("b2", 2, 1))
            .with(base.config(), "p", "b1", Optional.empty())
            .with(base.config(), "p", "b2", backend("b2", 2, 9));

    assertThat(laidWhole(overlay, base)).containsExactly(backend("b2", 2, 9).orElseThrow());
  }

  @Test
  void addressesAreSwapped() throws Exception {
    Document base = document("b1 { address = \"127.0.0.1:1\" }, b2 { address = \"127.0.0.1:2\" }");
    Overlay overlay =
        Overlay.NONE
            .with(base.config(), "p", "b2", backend("b2", 1, 1))
            .with(base.config(), "p", "b1", backend("b1", 2, 1));

    assertThat(laidWhole(overlay, base))
        .containsExactly(backend("b1", 2, 1).orElseThrow(), backend("b2", 1, 1).orElseThrow());
  }

  @Test
  void whatIsWrongNowIsGivenUpAndTheRestStays() throws Exception {
    Document base = document("b1 { address = \"127.0.0.1:1\" }");
    Overlay overlay =
        Overlay.NONE
            .with(base.config(), "p", "b2", backend("b2", 3, 1))
            .with(base.config(), "p", "b1", backend("b1", 1, 5));
    Document now = document("b1 { address = \"127.0.0.1:1\" }, b3 { address = \"127.0.0.1:3\" }");

    Overlay.Laid laid = overlay.over(now);

    assertThat(laid.givenUp()).singleElement().asString().startsWith("pools.p.backends.b2: ");
    assertThat(laid.kept().changes()).extracting(Overlay.Change::backend).containsExactly("b1");
    assertThat(laid.document().config().pools().getFirst().backends())
        .containsExactly(backend("b1", 1, 5).orElseThrow(), backend("b3", 3, 1).orElseThrow());
  }

  /** The first is right only after the second, and the third is not at all. */
  @Test
  void whatIsLeftOfThemIsLaidInTheOrderInWhichItIsRight() throws Exception {
    String both = "b1 { address = \"127.0.0.1:1\" }, b2 { address = \"127.0.0.1:2\" }";
    Document base = document(both);
    Overlay overlay =
        Overlay.NONE
            .with(base.config(), "p", "b2", backend("b2", 1, 1))
            .with(base.config(), "p", "b1", backend("b1", 4, 1))
            .with(base.config(), "p", "b9", backend("b9", 3, 1));
    Document now = document(both + ", b3 { address = \"127.0.0.1:3\" }");

    Overlay.Laid laid = overlay.over(now);

    assertThat(laid.givenUp()).singleElement().asString().startsWith("pools.p.backends.b9: ");
    assertThat(laid.kept().changes())
        .extracting(Overlay.Change::backend)
        .containsExactly("b2", "b1");
    assertThat(laid.document().config().pools().getFirst().backends())
        .extracting(backend -> backend.address().getPort())
        .containsExactly(4, 1, 3);
  }

  private static List<SluiceConfig.Backend> laidWhole(Overlay overlay, Document base) {
    Overlay.Laid laid = overlay.over(base);
    assertThat(laid.givenUp()).isEmpty();
    assertThat(laid.kept()).isEqualTo(overlay);
    return laid.document().config().pools().getFirst().backends();
  }

  private static Optional<SluiceConfig.Backend> backend(String name, int port, int weight) {
    return Optional.of(
        new SluiceConfig.Backend(
            name, new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port), weight));
  }

  private static Document document(String backends) throws InvalidConfig, StartFailure {
    return Document.parse(
        "f",
        "sluice { fronts { f { listen = [\"127.0.0.1:9\"], pool = p } }, pools { p { backends { "
            + backends
            + " } } } }",
        Plugins.load(OverlayTest.class.getClassLoader()).names(),
        Optional.empty());
  }
}
