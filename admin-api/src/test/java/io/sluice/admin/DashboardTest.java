package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What is served of the dashboard, and nothing beside it; what it does, see {@link DashboardIT}.
 */
class DashboardTest {
  private static final Pattern REFERENCE = Pattern.compile("(?:src|href)=\"([^\"]+)\"");
  private static final Pattern IMPORT = Pattern.compile("from '\\./([^']+)'");

  private final AdminApi api = new AdminApi();

  @AfterEach
  void close() {
    api.close();
  }

  @Test
  void thePageAllowsNothingInlineAndNothingFromElsewhere() {
    HttpResponse<String> page = api.get("/");
    assertThat(page.headers().firstValue("Content-Type")).hasValue("text/html; charset=utf-8");
    assertThat(page.headers().firstValue("Content-Security-Policy").orElseThrow())
        .startsWith("default-src 'none'; script-src 'self'; style-src 'self';")
        .contains("frame-ancestors 'none'", "require-trusted-types-for 'script'")
        .doesNotContain("unsafe", "http", "data:", "*");
    assertThat(page.body())
        .doesNotContain("<style", "style=", "://")
        .doesNotContainPattern(" on[a-z]+=");
    assertThat(page.body().split("<script", -1)).hasSize(3);
    assertThat(page.body().split("<script src=|<script type=\"module\" src=", -1)).hasSize(3);
  }

  @Test
  void everythingItRefersToIsThereAndNothingElseIs() {
    Set<String> used = new TreeSet<>();
    Queue<String> wanted = new ArrayDeque<>(references(REFERENCE, api.get("/").body()));
    while (!wanted.isEmpty()) {
      String path = wanted.remove();
      if (used.add(path)) {
        assertThat(path).matches("assets/[0-9a-f]{16}/[A-Za-z.]+");
        HttpResponse<String> asset = api.get("/" + path);
        assertThat(asset.statusCode()).as(path).isEqualTo(200);
        String folder = path.substring(0, path.lastIndexOf('/') + 1);
        references(IMPORT, asset.body()).forEach(name -> wanted.add(folder + name));
      }
    }
    String known = api.problem(404, asset(api, "x")).getJsonArray("existing").encode();
    assertThat(used).hasSize(known.split(",", -1).length);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "index.html",
        "app.js.map",
        "..%2Fapp.js",
        "%2E%2E%2F%2E%2E%2Fopenapi.yaml",
        "..%5Capp.js",
        "app.js%00",
        "APP.JS"
      })
  void otherFilesCannotBeAskedFor(String file) {
    assertThat(api.problem(404, asset(api, file)).getString("detail")).startsWith("no file '");
  }

  @Test
  void anotherBuildsFilesAreNotTakenForTheseOnes() {
    api.problem(404, "/assets/0123456789abcdef/app.js");
    api.problem(400, "/assets/../app.js");
  }

  /** Where a file of the dashboard is, be there such a file or not. */
  static String asset(AdminApi api, String file) {
    String script = references(REFERENCE, api.get("/").body()).getFirst();
    return "/" + script.substring(0, script.lastIndexOf('/') + 1) + file;
  }

  private static List<String> references(Pattern pattern, String text) {
    return pattern.matcher(text).results().map(found -> found.group(1)).toList();
  }
}
