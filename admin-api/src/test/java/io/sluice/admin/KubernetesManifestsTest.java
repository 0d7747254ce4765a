package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.InstanceOfAssertFactories.INTEGER;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import io.sluice.config.ConfigReader;
import io.sluice.config.InvalidConfig;
import io.sluice.config.Names;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/**
 * docker/kubernetes against the API's own models, which are generated from its OpenAPI document and
 * know every field and which of them must be there; and what must agree within.
 */
class KubernetesManifestsTest {
  private static final Path FOLDER = Path.of("../docker/kubernetes");
  private static final Names NAMES =
      new Names(Set.of("maglev"), Set.of("source-address"), Set.of("dns"), Set.of());

  /** One object of a manifest. */
  record Resource(JsonObject json) {
    String kind() {
      return json.getString("kind");
    }

    String name() {
      return json.getJsonObject("metadata").getString("name");
    }

    JsonObject at(String path) {
      JsonObject at = json;
      for (String key : path.split("/", -1)) {
        at = at.getJsonObject(key);
      }
      return at;
    }

    @Override
    public String toString() {
      return kind() + " " + name();
    }
  }

  static List<Resource> all() throws Exception {
    List<Resource> all = new ArrayList<>();
    try (Stream<Path> files = Files.list(FOLDER)) {
      for (Path file : files.sorted().toList()) {
        all.addAll(read(Files.readString(file)));
      }
    }
    return all;
  }

  @SuppressWarnings("unchecked") // an object has keys
  private static List<Resource> read(String yaml) {
    List<Resource> resources = new ArrayList<>();
    for (Object each : new Yaml(new SafeConstructor(new LoaderOptions())).loadAll(yaml)) {
      resources.add(new Resource(new JsonObject((Map<String, Object>) each)));
    }
    return resources;
  }

  private static Resource only(String kind) throws Exception {
    List<Resource> found = all().stream().filter(each -> each.kind().equals(kind)).toList();
    assertThat(found).as(kind).hasSize(1);
    return found.getFirst();
  }

  @ParameterizedTest
  @MethodSource("all")
  void everyResourceIsAsTheApiWantsIt(Resource resource) throws Throwable {
    validate(resource);
  }

  /** So that a model that looks at nothing would be noticed. */
  @ParameterizedTest
  @CsvSource({
    "readOnlyRootFilesystem:, readOnlyRoot:, not defined in the `V1SecurityContext`",
    "minAvailable:, minAvailble:, not defined in the `V1PodDisruptionBudgetSpec`",
    "name: sluice-admin, nme: sluice-admin, not defined in the `V1SecretKeySelector`",
    "containerPort:, port:, not defined in the `V1ContainerPort`",
    "'- name: sluice\n          image', '- image', required field `name`"
  })
  void aSlipIsFound(String right, String wrong, String message) throws Exception {
    String yaml = Files.readString(FOLDER.resolve("sluice.yaml"));
    assertThat(yaml).contains(right);
    List<Throwable> slips =
        read(yaml.replace(right, wrong)).stream()
            .map(each -> catchThrowable(() -> validate(each)))
            .filter(each -> each != null)
            .toList();
    assertThat(slips)
        .singleElement()
        .extracting(Throwable::getMessage)
        .asString()
        .contains(message);
  }

  private static void validate(Resource resource) throws Throwable {
    String[] version = resource.json().getString("apiVersion").split("/", -1);
    assertThat(version[version.length - 1]).isEqualTo("v1");
    JsonElement json = new Gson().fromJson(resource.json().encode(), JsonElement.class);
    try {
      Class.forName("io.kubernetes.client.openapi.models.V1" + resource.kind())
          .getMethod("validateJsonElement", JsonElement.class)
          .invoke(null, json);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  @Test
  void theConfigurationIsValidAndWatched() throws Exception {
    String text = configuration();
    assertThat(ConfigReader.read("sluice.conf", text, NAMES).watch()).isTrue();
    assertThatThrownBy(
            () -> ConfigReader.read("sluice.conf", text.replace("watch =", "wach ="), NAMES))
        .isInstanceOf(InvalidConfig.class);
  }

  /** docs/container.md, "Memory". */
  @Test
  void itsMemoryCarriesItsFlows() throws Exception {
    assertThat(container().getJsonObject("resources").getJsonObject("limits").getString("memory"))
        .isEqualTo("512Mi");
    assertThat(ConfigReader.read("sluice.conf", configuration(), NAMES).fronts())
        .extracting(front -> front.flows().max() + front.flows().unassuredMax())
        .singleElement(INTEGER)
        .isLessThanOrEqualTo(50_000);
  }

  /** With a token's hash, which its Secret would give. */
  private static String configuration() throws Exception {
    return only("ConfigMap")
        .at("data")
        .getString("sluice.conf")
        .replace("${ADMIN_TOKEN_SHA256}", "\"" + "0123456789abcdef".repeat(4) + "\"");
  }

  @Test
  void whatIsSelectedIsThePodsAndPortsAreTheirs() throws Exception {
    JsonObject template = only("Deployment").at("spec/template");
    JsonObject labels = template.getJsonObject("metadata").getJsonObject("labels");
    assertThat(only("Deployment").at("spec/selector/matchLabels")).isEqualTo(labels);
    assertThat(only("PodDisruptionBudget").at("spec/selector/matchLabels")).isEqualTo(labels);
    assertThat(only("Service").at("spec/selector")).isEqualTo(labels);

    JsonObject container = container();
    List<String> ports = strings(container.getJsonArray("ports"), "name");
    assertThat(ports)
        .containsAll(strings(only("Service").at("spec").getJsonArray("ports"), "targetPort"));
    for (String probe : List.of("startupProbe", "livenessProbe", "readinessProbe")) {
      assertThat(ports)
          .contains(container.getJsonObject(probe).getJsonObject("httpGet").getString("port"));
    }
  }

  /** The probes a restricted Pod Security Standard makes: who would be refused, is refused here. */
  @Test
  void aRestrictedNamespaceTakesIt() throws Exception {
    JsonObject pod = only("Deployment").at("spec/template/spec/securityContext");
    assertThat(pod.getBoolean("runAsNonRoot")).isTrue();
    assertThat(pod.getJsonObject("seccompProfile").getString("type")).isEqualTo("RuntimeDefault");
    JsonObject own = container().getJsonObject("securityContext");
    assertThat(own.getBoolean("allowPrivilegeEscalation")).isFalse();
    assertThat(own.getBoolean("readOnlyRootFilesystem")).isTrue();
    assertThat(own.getJsonObject("capabilities").getJsonArray("drop"))
        .isEqualTo(JsonArray.of("ALL"));
  }

  @Test
  void aPodMayLookForItsBackendsAndNothingElse() throws Exception {
    assertThat(only("Role").json().getJsonArray("rules"))
        .isEqualTo(
            JsonArray.of(
                JsonObject.of(
                    "apiGroups", JsonArray.of("discovery.k8s.io"),
                    "resources", JsonArray.of("endpointslices"),
                    "verbs", JsonArray.of("get", "list", "watch"))));
    Resource binding = only("RoleBinding");
    assertThat(binding.at("roleRef").getString("name")).isEqualTo(only("Role").name());
    assertThat(strings(binding.json().getJsonArray("subjects"), "name"))
        .containsExactly(only("ServiceAccount").name());
    assertThat(only("Deployment").at("spec/template/spec").getString("serviceAccountName"))
        .isEqualTo(only("ServiceAccount").name());
  }

  private static JsonObject container() throws Exception {
    return only("Deployment").at("spec/template/spec").getJsonArray("containers").getJsonObject(0);
  }

  private static List<String> strings(JsonArray objects, String key) {
    return objects.stream().map(each -> ((JsonObject) each).getString(key)).toList();
  }
}
