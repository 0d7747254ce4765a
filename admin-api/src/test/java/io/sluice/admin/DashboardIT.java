package io.sluice.admin;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static io.sluice.admin.Chromium.button;
import static io.sluice.admin.Chromium.row;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import com.microsoft.playwright.options.ColorScheme;
import io.netty.util.NetUtil;
import io.sluice.admin.Chromium.Visit;
import io.vertx.core.json.JsonObject;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The dashboard in a real Chromium, over a real appliance with traffic. */
@Timeout(120)
class DashboardIT {
  private static final Pattern SOME = Pattern.compile("[1-9][0-9,.]*");

  @TempDir static Path folder;
  private static Chromium chromium;
  private static Bustle bustle;
  private static ApplianceProcess sluice;

  @BeforeAll
  static void start() throws Exception {
    chromium = new Chromium();
    PlaywrightAssertions.setDefaultAssertionTimeout(20_000);
    bustle = new Bustle();
    sluice = ApplianceProcess.start(folder, config());
    bustle.clients(20, front("dns"), 80);
    bustle.clients(1, front("dns"), 1_201);
  }

  @AfterAll
  static void stop() throws Exception {
    if (sluice != null) {
      sluice.close();
    }
    if (bustle != null) {
      bustle.close();
    }
    if (chromium != null) {
      chromium.close();
    }
  }

  private static String config() throws Exception {
    return """
    sluice {
      fronts {
        dns { listen = ["127.0.0.1:0"], pool = resolvers, max-datagram = 1200, flows { max = 1000, unassured-max = 1000 } }
        quiet { listen = ["127.0.0.1:0"], pool = spare, flows { max = 10, unassured-max = 10 } }
      }
      pools {
        resolvers {
          backends { a { address = "%s", weight = 2 }, b { address = "%s" }, gone { address = "%s" } }
          health { probe { type = udp, send = "text:ping", interval = 500ms, timeout = 400ms } }
        }
        spare { backends { c { address = "%s" } } }
      }
      admin { listen = "127.0.0.1:0" }
    }
    """
        .formatted(
            at(bustle.server()), at(bustle.server()), at(Bustle.nobody()), at(bustle.server()));
  }

  private static String at(InetSocketAddress address) {
    return NetUtil.toSocketAddressString(address);
  }

  private static InetSocketAddress front(String name) throws Exception {
    String listen = Lab.front(sluice, name).getJsonArray("listen").getString(0);
    return CannedAppliance.address("127.0.0.1", Integer.parseInt(listen.replaceAll(".*:", "")));
  }

  @Test
  void a_loaded_appliance_is_shown_as_it_lives() {
    for (ColorScheme colours : Chromium.looks()) {
      try (Visit visit = chromium.visit(sluice.admin(), 1440, 1000, colours).open()) {
        Page page = visit.page;
        assertThat(page.locator("#phase")).hasText("RUNNING");
        assertThat(page.locator("#link")).hasText("Live");
        assertThat(page.locator("#tile-requests dd").first()).containsText(SOME);
        assertThat(page.locator("#tile-ports dd").first()).containsText(SOME);
        assertThat(page.locator("#tile-fds dd").first()).containsText(SOME);
        assertThat(page.locator("#chart-traffic .legend"))
            .containsText(Pattern.compile("requests[1-9].*replies[1-9]"));
        assertThat(page.locator("#chart-drops .legend"))
            .containsText(Pattern.compile("OVERSIZE[1-9]"));
        page.waitForFunction(DRAWN);
        assertThat(row(page, "#fronts", "dns"))
            .containsText(Pattern.compile("127.0.0.1:.*resolvers"));
        assertThat(row(page, "#ledger", "OVERSIZE")).containsText("dns");
        assertThat(row(page, "#workers", "0")).containsText("%");
        Locator gone = row(page, "#pools", "gone");
        assertThat(gone.locator(".state").first()).hasText("DOWN");
        gone.locator("summary").click();
        assertThat(gone).containsText("Last probe failed: connection refused");
        assertThat(gone.locator(".history")).containsText("DOWN");
        assertThat(page.locator("#events")).containsText("resolvers/gone");
        assertThat(page.locator("#pools")).containsText("2 of 3 eligible");
        visit.keep("loaded-" + colours);
      }
    }
  }

  /** Whether each chart has a line in its legend's colour. */
  private static final String DRAWN =
      """
      () => ['traffic', 'drops', 'flows'].every(name => {
        const panel = document.getElementById('chart-' + name);
        const canvas = panel.querySelector('canvas');
        const wanted = getComputedStyle(panel.querySelector('.key')).color.match(/[0-9]+/g).map(Number);
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
        copy.drawImage(canvas, 0, 0);
        const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
        let found = 0;
        for (let i = 0; i < data.length; i += 4) {
          if (data[i + 3] > 200 && wanted.every((value, k) => Math.abs(data[i + k] - value) < 24)) found++;
        }
        return found > 20;
      })
      """;

  @Test
  void a_backend_is_drained_once_that_is_confirmed_and_enabled_again() throws Exception {
    try (Visit visit = chromium.visit(sluice.admin()).open()) {
      Page page = visit.page;
      Locator b = row(page, "#pools", "b");
      button(b, "Drain").press("Enter");
      assertThat(page.locator("#confirm-title")).hasText("Drain resolvers/b?");
      visit.keep("confirm");
      page.keyboard().press("Escape");
      assertThat(page.locator("#confirm")).isHidden();
      assertThat(backend("b").containsKey("draining")).isFalse();

      button(b, "Drain").click();
      page.getByLabel("Flows it has").selectOption("1h");
      button(page.locator("#confirm"), "Drain").click();
      assertThat(page.locator("#notice-result")).hasText("resolvers/b: draining.");
      assertThat(b.locator(".state").first()).hasText("DRAINING");
      b.locator("summary").click();
      assertThat(b).containsText("the flows it has leave in 59 min");
      assertThat(backend("b").getJsonObject("draining").containsKey("deadline")).isTrue();

      button(b, "Enable").click();
      button(page.locator("#confirm"), "Enable").click();
      assertThat(b.locator(".state").first()).hasText("UP");
      assertThat(backend("b").containsKey("draining")).isFalse();
    }
  }

  @Test
  void flows_are_searched_for_and_paged() throws Exception {
    try (Visit visit = chromium.visit(sluice.admin()).open()) {
      Page page = visit.page;
      Locator search = page.locator("#search");
      Locator rows = page.locator("#flows tr");
      assertThat(rows).hasCount(20);
      String client =
          sluice
              .json("/v1/flows?limit=1")
              .getJsonArray("flows")
              .getJsonObject(0)
              .getString("client");

      search.getByLabel("Client").fill(client);
      page.keyboard().press("Enter");
      assertThat(rows).hasCount(1);
      assertThat(rows).containsText(client);

      search.getByLabel("Client").fill("localhost");
      button(search, "Search").click();
      assertThat(page.locator("#search-problem")).containsText("parameter 'client'");
      assertThat(rows).hasCount(0);

      search.getByLabel("Client").fill("192.0.2.1");
      button(search, "Search").click();
      assertThat(page.locator("#flows-empty")).hasText("No flow fits.");
    }
  }

  @Test
  void a_flow_is_killed_once_that_is_confirmed() throws Exception {
    try (Bustle once = new Bustle();
        Visit visit = chromium.visit(sluice.admin()).open()) {
      InetSocketAddress client = once.say(front("quiet"), "hello");
      Page page = visit.page;
      page.locator("#search").getByLabel("Front").selectOption("quiet");
      button(page.locator("#search"), "Search").click();
      Locator rows = page.locator("#flows tr");
      assertThat(rows).hasCount(1);
      button(rows, "Kill").click();
      button(page.locator("#confirm"), "Cancel").click();
      assertThat(page.locator("#confirm")).isHidden();
      assertThat(flowsOf("quiet")).isEqualTo(1);

      button(rows, "Kill").click();
      button(page.locator("#confirm"), "Kill").click();
      assertThat(page.locator("#notice-result"))
          .hasText("The flow of " + at(client) + " has ended.");
      assertThat(page.locator("#flows-empty")).hasText("No flow fits.");
      assertThat(flowsOf("quiet")).isZero();
    }
  }

  private static int flowsOf(String front) throws Exception {
    return sluice.json("/v1/flows?front=" + front).getJsonArray("flows").size();
  }

  @Test
  void a_lost_connection_is_said_and_found_again() {
    try (Visit visit = chromium.visit(sluice.admin()).open()) {
      Page page = visit.page;
      Locator drain = button(row(page, "#pools", "a"), "Drain");
      assertThat(drain).isEnabled();
      page.context().setOffline(true);
      assertThat(page.locator("#link")).hasText("Connection lost");
      assertThat(page.locator("#notice-link"))
          .containsText(Pattern.compile("What is shown is [0-9.]+ s old"));
      assertThat(drain).isDisabled();
      visit.keep("lost");
      page.context().setOffline(false);
      assertThat(page.locator("#link")).hasText("Live");
      assertThat(page.locator("#notice-link")).isHidden();
      assertThat(drain).isEnabled();
    }
  }

  @Test
  void no_window_is_so_narrow_that_anything_is_cut_off() {
    try (Visit visit = chromium.visit(sluice.admin()).open()) {
      Page page = visit.page;
      assertThat(page.locator("#flows tr")).hasCount(20);
      for (int width : List.of(1440, 1400, 1280, 1001, 1000, 768, 360)) {
        page.setViewportSize(width, 780);
        assertThat(page.evaluate("document.documentElement.scrollWidth")).isEqualTo(width);
        String outside =
            page.locator("section").all().stream()
                .filter(s -> (Boolean) s.evaluate("e => e.scrollWidth > e.clientWidth"))
                .map(section -> section.getAttribute("aria-labelledby"))
                .collect(joining(", "));
        assertThat(outside).as("what must be scrolled sideways at %d", width).isEmpty();
        visit.keep("width-" + width);
      }
    }
  }

  @Test
  void light_and_dark_can_be_chosen_and_are_remembered() {
    try (Visit visit = chromium.visit(sluice.admin(), 1000, 800, ColorScheme.DARK).open()) {
      Page page = visit.page;
      Object dark = ground(page);
      button(page.locator("header"), "Auto").click();
      Object light = ground(page);
      assertThat(light).isNotEqualTo(dark);
      page.reload();
      assertThat(ground(page)).isEqualTo(light);
      button(page.locator("header"), "Light").click();
      assertThat(ground(page)).isEqualTo(dark);
    }
  }

  private static Object ground(Page page) {
    return page.evaluate("getComputedStyle(document.body).backgroundColor");
  }

  private static JsonObject backend(String name) throws Exception {
    return Lab.backend(sluice, "resolvers", name);
  }
}
