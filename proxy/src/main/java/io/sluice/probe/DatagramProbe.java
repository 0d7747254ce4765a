package io.sluice.probe;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.PortUnreachableException;
import java.net.SocketTimeoutException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.time.Duration;

/**
 * Sends a question, waits for its answer.
 *
 * <p>The socket is connected, so that a refusal (ICMP port unreachable) is heard and nobody else's
 * datagrams are; and it is new, with a port of the kernel's choice: no late answer and no late
 * refusal of an earlier check can meet it.
 */
final class DatagramProbe implements Probe {
  private static final int LARGEST = 65_535;

  private final Question.Protocol protocol;

  DatagramProbe(Question.Protocol protocol) {
    this.protocol = protocol;
  }

  @Override
  public void check(InetSocketAddress target, Duration timeout) throws IOException {
    long deadlineNs = System.nanoTime() + timeout.toNanos();
    try (var socket = new DatagramSocket(null)) {
      socket.connect(target);
      var from = (InetSocketAddress) socket.getLocalSocketAddress();
      Question question = protocol.ask(from, target);
      byte[] datagram = question.datagram();
      socket.send(new DatagramPacket(datagram, datagram.length));
      await(socket, question, deadlineNs, timeout);
    } catch (PortUnreachableException e) {
      throw new IOException("connection refused", e);
    }
  }

  private static void await(
      DatagramSocket socket, Question question, long deadlineNs, Duration timeout)
      throws IOException {
    var packet = new DatagramPacket(new byte[LARGEST], LARGEST);
    int strays = 0;
    while (strays == 0 || System.nanoTime() - deadlineNs < 0) {
      if (!receive(socket, packet, deadlineNs)) {
        break;
      }
      if (isAnswer(question, packet)) {
        return;
      }
      strays++;
    }
    if (!question.mayGoUnanswered()) {
      throw new IOException(Reason.noAnswer(timeout, strays));
    }
  }

  /** Looks once even when the time is over: an answer that has come is no worse for our delay. */
  private static boolean receive(DatagramSocket socket, DatagramPacket packet, long deadlineNs)
      throws IOException {
    long leftMs = Math.ceilDiv(deadlineNs - System.nanoTime(), 1_000_000);
    socket.setSoTimeout(Math.clamp(leftMs, 1, Integer.MAX_VALUE)); // 0 would be for ever
    packet.setLength(LARGEST);
    try {
      socket.receive(packet);
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    }
  }

  private static boolean isAnswer(Question question, DatagramPacket packet) throws IOException {
    try {
      return question.isAnsweredBy(
          ByteBuffer.wrap(packet.getData(), 0, packet.getLength()).slice().asReadOnlyBuffer());
    } catch (BufferUnderflowException | IndexOutOfBoundsException e) {
      return false;
    }
  }
}
