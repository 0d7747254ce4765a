package io.sluice.net;

import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoRegistration;

/**
 * Netty's epoll handler, and a last step after each turn in which sockets were read: the one place
 * where a loop knows that nothing more is ready, so that what was gathered can leave.
 */
final class GatheringIo implements IoHandler {
  private final IoHandler epoll;
  private Runnable afterTurn = () -> {};

  GatheringIo(IoHandler epoll) {
    this.epoll = epoll;
  }

  /** Before anything is registered. */
  void afterTurn(Runnable task) {
    afterTurn = task;
  }

  @Override
  public void initialize() {
    epoll.initialize();
  }

  @Override
  public int run(IoHandlerContext context) {
    int events = epoll.run(context);
    try {
      afterTurn.run();
    } catch (Throwable bug) { // Netty would end this loop, and no other
      Worker.report(bug);
    }
    return events;
  }

  @Override
  public void prepareToDestroy() {
    epoll.prepareToDestroy();
  }

  @Override
  public void destroy() {
    epoll.destroy();
  }

  @Override
  public IoRegistration register(IoHandle handle) throws Exception {
    return epoll.register(handle);
  }

  @Override
  public void wakeup() {
    epoll.wakeup();
  }

  @Override
  public boolean isCompatible(Class<? extends IoHandle> handleType) {
    return epoll.isCompatible(handleType);
  }
}
