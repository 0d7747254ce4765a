package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;

/** One side of a front's ledger, which balances. */
record Ledger(long received, long forwarded, long dropped) {

  /**
   * @param entry of {@code GET /v1/drops}
   * @param side request or reply
   */
  static Ledger of(JsonObject entry, String side) {
    JsonObject json = entry.getJsonObject(side);
    long dropped =
        json.getJsonObject("dropped").stream()
            .mapToLong(drop -> ((Number) drop.getValue()).longValue())
            .sum();
    Ledger ledger = new Ledger(json.getLong("received"), json.getLong("forwarded"), dropped);
    assertThat(ledger.received).as("%s: %s", side, entry).isEqualTo(ledger.forwarded + dropped);
    return ledger;
  }
}
