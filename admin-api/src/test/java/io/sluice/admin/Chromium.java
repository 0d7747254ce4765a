package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.Browser.NewContextOptions;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.BrowserType.LaunchOptions;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Page.ScreenshotOptions;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;

/**
 * The system's Chromium, without a window; never one from the network. With {@code
 * -Dsluice.screenshots=FOLDER} what a test looks at is kept there.
 */
final class Chromium implements AutoCloseable {
  private static final Optional<Path> SCREENSHOTS =
      Optional.ofNullable(System.getProperty("sluice.screenshots")).map(Path::of);

  private final Playwright playwright;
  private final Browser browser;

  /** Skips the test where there is no Chromium. */
  Chromium() {
    Optional<Path> program =
        Stream.of(System.getenv("PATH").split(File.pathSeparator, -1))
            .map(folder -> Path.of(folder, "chromium"))
            .filter(Files::isExecutable)
            .findFirst();
    assumeTrue(program.isPresent(), "needs the package chromium");
    playwright =
        Playwright.create(
            new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
    // Root has no sandbox; what is looked at here is our own.
    browser =
        playwright
            .chromium()
            .launch(
                new LaunchOptions()
                    .setExecutablePath(program.get())
                    .setArgs(List.of("--no-sandbox")));
  }

  /** In what colours to look at the page; in all of them where somebody will see it. */
  static List<ColorScheme> looks() {
    return SCREENSHOTS.isPresent()
        ? List.of(ColorScheme.LIGHT, ColorScheme.DARK)
        : List.of(ColorScheme.LIGHT);
  }

  Visit visit(String origin) {
    return visit(origin, 1440, 1000, ColorScheme.LIGHT);
  }

  Visit visit(String origin, int width, int height, ColorScheme colours) {
    return new Visit(
        origin,
        browser.newContext(
            new NewContextOptions().setViewportSize(width, height).setColorScheme(colours)));
  }

  /** The row of a table that has a cell, or a name in a cell, of exactly this text. */
  static Locator row(Page page, String table, String text) {
    Locator exactly = page.getByText(text, new Page.GetByTextOptions().setExact(true));
    return page.locator(table + " tr:not(.pool)")
        .filter(new Locator.FilterOptions().setHas(exactly))
        .first();
  }

  static Locator button(Locator within, String name) {
    return within.getByRole(AriaRole.BUTTON, new Locator.GetByRoleOptions().setName(name));
  }

  @Override
  public void close() {
    playwright.close();
  }

  /** Somebody who looks at the page, and notes what it should not do. */
  static final class Visit implements AutoCloseable {
    final Page page;
    private final String origin;
    private final List<String> astray = new CopyOnWriteArrayList<>();

    private Visit(String origin, BrowserContext context) {
      this.origin = origin;
      page = context.newPage();
      page.onPageError(error -> astray.add("error: " + error));
      page.onConsoleMessage(
          message -> {
            // What the browser says of answers that are refusals is not the page's doing.
            if (!message.text().startsWith("Failed to load resource")) {
              astray.add(message.type() + ": " + message.text());
            }
          });
      page.onRequest(
          request -> {
            if (!request.url().startsWith(origin + "/")) {
              astray.add("elsewhere: " + request.url());
            }
          });
      page.onDialog(
          dialog -> {
            astray.add("dialog: " + dialog.message());
            dialog.dismiss();
          });
    }

    Visit open() {
      page.navigate(origin + "/");
      return this;
    }

    void keep(String name) {
      SCREENSHOTS.ifPresent(
          folder ->
              page.screenshot(new ScreenshotOptions().setPath(folder.resolve(name + ".png"))));
    }

    @Override
    public void close() {
      page.context().close();
      assertThat(astray).isEmpty();
    }
  }
}
