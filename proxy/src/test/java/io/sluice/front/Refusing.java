package io.sluice.front;

import io.sluice.Client;
import java.net.InetSocketAddress;
import java.net.SocketException;
import org.awaitility.Awaitility;

/** Addresses at which nobody listens, so that the kernel refuses what is sent there. */
final class Refusing {
  private Refusing() {}

  static InetSocketAddress address() throws SocketException {
    try (Client gone = new Client("127.0.0.1")) {
      return gone.address();
    }
  }

  /**
   * Waits until a backend that was closed is gone: while a thread still comes back from its
   * receive, the socket is there and takes what is sent.
   */
  static void await(InetSocketAddress address) {
    Awaitility.await().until(() -> isFree(address));
  }

  private static boolean isFree(InetSocketAddress address) {
    try (Client _ = new Client(address.getAddress().getHostAddress(), address.getPort())) {
      return true;
    } catch (SocketException taken) {
      return false;
    }
  }
}
