package io.sluice.discovery;

import java.io.IOException;
import java.util.List;

/** What is asked of an API server. */
interface KubernetesApi extends AutoCloseable {

  /** All slices of the service, as of a version. */
  Listing list() throws IOException, InterruptedException;

  /** Tells each event since that version; returns when the server ends the watch, as it does. */
  void watch(String version, Events to) throws IOException, InterruptedException;

  /** Ends whatever is being asked. */
  @Override
  void close();

  /** All there are. */
  record Listing(List<Json> slices, String version) {}

  /** Who is told. */
  interface Events {
    void take(Json event) throws IOException;
  }

  /** That a version is too old: 410. */
  final class Gone extends IOException {
    private static final long serialVersionUID = 1;

    Gone(String message) {
      super(message);
    }
  }

  /** What a Status object says. */
  static IOException failure(Json status) {
    int code = status.number("code").orElse(0);
    String message = status.text("message").orElse("no reason given");
    return code == 410
        ? new Gone(message)
        : new IOException("the API server says " + code + ": " + message);
  }
}
