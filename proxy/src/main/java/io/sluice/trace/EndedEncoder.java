package io.sluice.trace;

import ch.qos.logback.core.encoder.EncoderBase;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;

/** A flow as a line of JSON; what {@code GET /v1/flows} has too has the same name. */
final class EndedEncoder extends EncoderBase<Ended> {
  private static final JsonFactory JSON = new JsonFactory();

  private final ByteArrayOutputStream line = new ByteArrayOutputStream(512);

  @Override
  public byte[] encode(Ended flow) {
    line.reset();
    try (JsonGenerator json = JSON.createGenerator(line)) {
      json.writeStartObject();
      json.writeStringField("time", Instant.ofEpochMilli(flow.closedAtMillis()).toString());
      json.writeStringField("openedAt", Instant.ofEpochMilli(flow.openedAtMillis()).toString());
      json.writeStringField("id", Long.toString(flow.flow()));
      json.writeStringField("front", flow.front());
      json.writeStringField("client", flow.client().toString());
      json.writeStringField("local", flow.local().toString());
      json.writeStringField("pool", flow.pool());
      json.writeStringField("backend", flow.backend());
      json.writeNumberField("worker", flow.worker());
      json.writeNumberField("requests", flow.requests());
      json.writeNumberField("replies", flow.replies());
      json.writeNumberField("requestBytes", flow.requestBytes());
      json.writeNumberField("replyBytes", flow.replyBytes());
      json.writeNumberField("durationSeconds", seconds(flow.durationNanos()));
      if (flow.firstReplyNanos() >= 0) {
        json.writeNumberField("firstReplySeconds", seconds(flow.firstReplyNanos()));
      }
      json.writeStringField("reason", flow.reason());
      json.writeEndObject();
      json.writeRaw('\n');
    } catch (IOException impossible) { // into memory
      throw new UncheckedIOException(impossible);
    }
    return line.toByteArray();
  }

  /** To the microsecond. */
  private static double seconds(long nanos) {
    return Math.round(nanos / 1e3) / 1e6;
  }

  @Override
  public byte[] headerBytes() {
    return new byte[0];
  }

  @Override
  public byte[] footerBytes() {
    return new byte[0];
  }
}
