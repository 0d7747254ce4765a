package io.sluice.admin;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static io.sluice.admin.Chromium.button;
import static io.sluice.admin.Chromium.row;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import io.sluice.Appliance.PoolStatus;
import io.sluice.admin.Chromium.Visit;
import io.sluice.config.SluiceConfig;
import io.sluice.metrics.Journal;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The dashboard in a real Chromium, over an appliance that says what it is told to. */
@Timeout(120)
class StagedDashboardIT {
  private static final String HOSTILE =
      "<img src=x onerror=alert(1)>\"'`${1}</td><script>alert(2)</script>";

  private static Chromium chromium;

  @BeforeAll
  static void start() {
    chromium = new Chromium();
    PlaywrightAssertions.setDefaultAssertionTimeout(20_000);
  }

  @AfterAll
  static void stop() {
    if (chromium != null) {
      chromium.close();
    }
  }

  @Test
  void many_flows_come_a_page_at_a_time() {
    try (AdminApi api = new AdminApi();
        Visit visit = chromium.visit(origin(api))) {
      api.appliance.open(1, 60);
      Page page = visit.open().page;
      Locator rows = page.locator("#flows tr");
      assertThat(rows).hasCount(25);
      button(page.locator("body"), "Next page").click();
      assertThat(rows.first()).containsText("192.0.2.1:1050");
      button(page.locator("body"), "Next page").click();
      assertThat(rows).hasCount(10);
      assertThat(button(page.locator("body"), "Next page")).isDisabled();
      button(page.locator("body"), "First page").click();
      assertThat(rows.first()).containsText("192.0.2.1:1025");
    }
  }

  @Test
  void whatever_the_appliance_says_is_text_and_never_markup() {
    try (AdminApi api = new AdminApi();
        Visit visit = chromium.visit(origin(api))) {
      api.appliance.fronts = List.of(Statuses.front("dns"), Statuses.front(HOSTILE));
      PoolStatus pool = Statuses.pool(HOSTILE, HOSTILE);
      api.appliance.pools = List.of(pool);
      api.appliance.leaves(HOSTILE, HOSTILE, 12);
      api.appliance.flows.put(
          1L, Statuses.flow(1, HOSTILE, HOSTILE, CannedAppliance.address("::1", 9)));
      api.appliance.journal.enter(Journal.Kind.BACKEND, HOSTILE, HOSTILE, HOSTILE);
      Page page = visit.open().page;
      for (String place : List.of("#fronts", "#pools", "#flows", "#events")) {
        assertThat(page.locator(place)).containsText(HOSTILE);
      }
      assertThat(page.locator("#pools tr.pool"))
          .containsText("removed, with flows left: " + HOSTILE + " at 192.0.2.9:53 (12)");
      assertThat(page.locator("main img, main script")).hasCount(0);
      button(row(page, "#pools", HOSTILE), "Enable").click();
      assertThat(page.locator("#confirm-title")).hasText("Enable " + HOSTILE + "/" + HOSTILE + "?");
      button(page.locator("#confirm"), "Enable").click();
      assertThat(page.locator("#notice-result")).containsText(HOSTILE);
      assertThat(api.appliance.wishes).containsExactly("enable " + HOSTILE + "/" + HOSTILE);
    }
  }

  @Test
  void who_has_no_token_is_asked_for_one_and_a_viewer_may_only_look() {
    SluiceConfig.Admin config =
        new SluiceConfig.Admin(
            CannedAppliance.address("127.0.0.1", 0),
            List.of(
                Secrets.token("watch", "looks", SluiceConfig.Role.VIEWER),
                Secrets.token("ops", "acts", SluiceConfig.Role.ADMIN)),
            Optional.empty(),
            Optional.empty());
    try (AdminApi api = new AdminApi(config);
        Visit visit = chromium.visit(origin(api)).open()) {
      Page page = visit.page;
      assertThat(page.locator("#sign-in")).isVisible();
      signIn(page, "wrong");
      assertThat(page.locator("#sign-in-why")).hasText("The appliance does not know this token.");
      visit.keep("sign-in");
      signIn(page, "looks");
      assertThat(page.locator("#link")).hasText("Live");
      assertThat(page.locator("#sign-in")).isHidden();
      Locator enable = button(page.locator("#pools"), "Enable").first();
      assertThat(page.locator("#notice-role")).containsText("Viewer: may look, not change");
      assertThat(enable).isDisabled();
      visit.keep("viewer");

      button(page.locator("header"), "Sign out").click();
      assertThat(page.locator("#sign-in")).isVisible();
      signIn(page, "acts");
      enable.click();
      button(page.locator("#confirm"), "Enable").click();
      assertThat(page.locator("#notice-result")).containsText("enabled");
      assertThat(api.appliance.wishes).containsExactly("enable resolvers/a");
    }
  }

  private static void signIn(Page page, String token) {
    page.getByLabel("Token").fill(token);
    page.keyboard().press("Enter");
  }

  @Test
  void an_appliance_without_traffic_says_so() {
    try (AdminApi api = new AdminApi();
        Visit visit = chromium.visit(origin(api))) {
      api.appliance.fronts = List.of();
      api.appliance.pools = List.of();
      api.appliance.ledgers = List.of();
      Page page = visit.open().page;
      assertThat(page.locator("#pools-empty")).isVisible();
      assertThat(page.locator("#fronts-empty")).isVisible();
      assertThat(page.locator("#ledger-empty")).isVisible();
      assertThat(page.locator("#events-empty")).isVisible();
      assertThat(page.locator("#flows-empty"))
          .hasText("No flows: no client has sent anything of late.");
      assertThat(page.locator("#chart-drops")).containsText("No drops since this page was opened.");
      visit.keep("empty");
    }
  }

  private static String origin(AdminApi api) {
    return "http://127.0.0.1:" + api.port();
  }
}
