package io.sluice.config;

import io.sluice.config.SluiceConfig.AccessLog;
import io.sluice.config.SluiceConfig.Recorder;
import java.util.Objects;
import java.util.Optional;

/** The keys of what is left behind of datagrams and flows. */
final class TraceSchema {
  /** 128 bytes each, for every worker. */
  private static final int MAX_HEADERS = 65_536;

  private static final int MIB = 1 << 20;

  private TraceSchema() {}

  static Optional<AccessLog> accessLog(Cursor in) {
    return in.has("access-log")
        ? Optional.of(in.section("access-log", TraceSchema::read))
        : Optional.empty();
  }

  private static AccessLog read(Cursor in) {
    Value file = in.value("file");
    String path =
        file == null ? in.preset("file", "-") : Objects.requireNonNullElse(file.text(), "-");
    if (file != null && path.isBlank()) {
      file.problem("must be a path, or \"-\" for standard output");
    }
    int fileBytes = in.bytes("max-file-size", MIB, Integer.MAX_VALUE, 100 * MIB);
    int totalBytes = in.bytes("max-total-size", MIB, Integer.MAX_VALUE, 1_024 * MIB);
    return new AccessLog(
        path, sample(in), fileBytes, in.count("max-days", 1, 3_650, 7), totalBytes);
  }

  private static double sample(Cursor in) {
    Value value = in.value("sample");
    String text = value == null ? null : value.text();
    if (value == null || text == null) {
      return in.preset("sample", 1.0);
    }
    try {
      double sample = Double.parseDouble(text);
      if (sample > 0 && sample <= 1) {
        return sample;
      }
    } catch (NumberFormatException e) {
      // told below
    }
    value.problem("must be a number above 0, up to 1, not " + value.shown());
    return 1;
  }

  static Recorder recorder(Cursor in) {
    return new Recorder(in.count("headers", 0, MAX_HEADERS, Recorder.USUAL));
  }
}
