package io.sluice.discovery;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Which file is found at a path, and as of when: another one for another content, however it came
 * there.
 *
 * @param real where all links lead
 */
public record Print(@Nullable Path real, long size, long modified, @Nullable Object key) {
  public static Print of(Path file) {
    try {
      BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
      long modified = now.lastModifiedTime().to(TimeUnit.NANOSECONDS);
      return new Print(file.toRealPath(), now.size(), modified, now.fileKey());
    } catch (IOException e) {
      return new Print(null, 0, 0, null); // gone, perhaps for a moment only
    }
  }
}
