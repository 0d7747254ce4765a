import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.SocketProtocolFamily;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.TimeUnit;

/**
 * A relay of Netty's own datagram channels, as good as they let it be: evidence for ADR 1, not part
 * of Sluice.
 *
 * <p>One connected channel a flow; recvmmsg on both sides, and one read an event, since
 * level-triggered epoll tells again; writes are flushed once for all that a turn of the loop has
 * read, so that they leave by sendmmsg.
 *
 * <p>{@code NettyRelay PORT BACKEND-PORT [IDLE-SECONDS]}, both ports on 127.0.0.1.
 */
final class NettyRelay extends ChannelInboundHandlerAdapter {
  private static final int MAX_DATAGRAM = 2048;

  private final EventLoop loop;
  private final Bootstrap links;
  private final InetSocketAddress backend;
  private final Cache<InetSocketAddress, Link> flows;
  private final List<Link> written = new ArrayList<>();

  NettyRelay(EventLoop loop, InetSocketAddress backend, Duration idle) {
    this.loop = loop;
    this.backend = backend;
    flows =
        Caffeine.newBuilder()
            .expireAfterAccess(idle)
            .executor(Runnable::run)
            .<InetSocketAddress, Link>removalListener((client, link, cause) -> link.close())
            .build();
    links = channels(loop, 4);
    loop.scheduleAtFixedRate(flows::cleanUp, 250, 250, TimeUnit.MILLISECONDS);
  }

  public static void main(String[] args) throws Exception {
    var here = InetAddress.getByName("127.0.0.1");
    var idle = Duration.ofSeconds(args.length > 2 ? Long.parseLong(args[2]) : 1);
    var loop = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory()).next();
    var relay = new NettyRelay(loop, new InetSocketAddress(here, Integer.parseInt(args[1])), idle);
    var front = channels(loop, 64).handler(relay);
    front.option(ChannelOption.SO_RCVBUF, 4 << 20).option(ChannelOption.SO_SNDBUF, 4 << 20);
    front.bind(here, Integer.parseInt(args[0])).sync().channel().closeFuture().sync();
  }

  /**
   * Channels that read into slots of one buffer, once an event: maxMessagesPerRead counts
   * datagrams, and is reached by any. Of the family of the address, as IPv4 on IPv6 sockets costs
   * more.
   */
  private static Bootstrap channels(EventLoop loop, int slots) {
    RecvByteBufAllocator buffers =
        new FixedRecvByteBufAllocator(slots * MAX_DATAGRAM).maxMessagesPerRead(1);
    return new Bootstrap()
        .group(loop)
        .channelFactory(() -> new EpollDatagramChannel(SocketProtocolFamily.INET))
        .option(ChannelOption.RECVBUF_ALLOCATOR, buffers)
        .option(EpollChannelOption.MAX_DATAGRAM_PAYLOAD_SIZE, MAX_DATAGRAM);
  }

  @Override
  public void channelRead(ChannelHandlerContext front, Object message) {
    var packet = (DatagramPacket) message;
    var link = flows.getIfPresent(packet.sender());
    if (link == null) {
      link = new Link(front.channel(), packet.sender());
      flows.put(packet.sender(), link);
    }
    link.request(packet.content());
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext front) {
    for (var link : written) link.flush();
    written.clear();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext front, Throwable cause) {
    cause.printStackTrace();
  }

  private boolean flushing;

  /** Replies read from many links in one turn of the loop go out together. */
  private void flushSoon(Channel front) {
    if (flushing) return;
    flushing = true;
    loop.execute(
        () -> {
          flushing = false;
          front.flush();
        });
  }

  /** A flow's channel to the backend. */
  private final class Link extends ChannelInboundHandlerAdapter {
    private final Channel front;
    private final InetSocketAddress client;
    private final Channel channel;
    private final Queue<ByteBuf> early = new ArrayDeque<>();
    private boolean connected;
    private boolean dirty;

    Link(Channel front, InetSocketAddress client) {
      this.front = front;
      this.client = client;
      var connect = links.clone().handler(this).connect(backend);
      channel = connect.channel();
      connect.addListener((ChannelFuture done) -> connected(done.isSuccess()));
    }

    /** Connecting ends in a later task, even on this loop: the first datagrams wait. */
    private void connected(boolean success) {
      connected = true;
      for (ByteBuf payload; (payload = early.poll()) != null; ) {
        if (success) channel.write(payload);
        else payload.release();
      }
      channel.flush();
    }

    void request(ByteBuf payload) {
      if (!connected) {
        early.add(payload);
        return;
      }
      channel.write(payload, channel.voidPromise());
      if (dirty) return;
      dirty = true;
      written.add(this);
    }

    void flush() {
      dirty = false;
      channel.flush();
    }

    void close() {
      channel.close();
    }

    @Override
    public void channelRead(ChannelHandlerContext link, Object message) {
      var reply = (DatagramPacket) message;
      front.write(new DatagramPacket(reply.content(), client), front.voidPromise());
      flows.getIfPresent(client); // a touch
      flushSoon(front);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext link, Throwable cause) {
      // An ICMP error from the backend: the flow goes on.
    }
  }
}
