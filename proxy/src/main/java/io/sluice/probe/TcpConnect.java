package io.sluice.probe;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;

/** A TCP connection is accepted, and closed again. */
final class TcpConnect implements Probe {
  @Override
  public void check(InetSocketAddress target, Duration timeout) throws IOException {
    try (var socket = new Socket()) {
      socket.connect(target, Math.clamp(timeout.toMillis(), 1, Integer.MAX_VALUE));
    } catch (SocketTimeoutException e) {
      throw new IOException(Reason.noAnswer(timeout, 0), e);
    } catch (ConnectException e) {
      throw new IOException(Reason.of(e), e);
    }
  }
}
