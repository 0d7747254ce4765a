package io.sluice.ctl;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** PEM files, each of which may not be given. */
record TlsFiles(@Nullable Path ca, @Nullable Path certificate, @Nullable Path key) {
  boolean any() {
    return ca != null || certificate != null || key != null;
  }
}
