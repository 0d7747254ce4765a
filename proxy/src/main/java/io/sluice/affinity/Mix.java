package io.sluice.affinity;

/**
 * The hash behind the built-in keys: 64-bit words chained through MurmurHash3's 64-bit finaliser
 * (Appleby), which lets each input bit flip each output bit with probability one half.
 *
 * <p>Never to change, for appliances of different releases must agree; unseeded for the same
 * reason, so clients who try can crowd one backend, whatever hash this is.
 */
final class Mix {
  /** Where a chain begins: 2^64 over the golden ratio, for zeros must not hash to zero. */
  static final long START = 0x9e3779b97f4a7c15L;

  private Mix() {}

  static long add(long hash, long word) {
    long x = hash ^ word;
    x = (x ^ (x >>> 33)) * 0xff51afd7ed558ccdL;
    x = (x ^ (x >>> 33)) * 0xc4ceb9fe1a85ec53L;
    return x ^ (x >>> 33);
  }
}
