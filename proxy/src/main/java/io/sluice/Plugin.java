package io.sluice;

/**
 * What a plug-in jar provides, found by {@link java.util.ServiceLoader} on the class path or in
 * {@code plugins/*.jar}.
 *
 * <p>Called once at start, before the configuration is read, so that the names registered here can
 * be used in it.
 */
public interface Plugin {
  /** Registers what this plug-in brings. */
  void register(Plugins to);
}
