package io.sluice.discovery;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import io.netty.buffer.ByteBufHolder;
import io.netty.channel.ChannelFuture;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.dns.DefaultDnsQuestion;
import io.netty.handler.codec.dns.DefaultDnsRecordDecoder;
import io.netty.handler.codec.dns.DnsQuestion;
import io.netty.handler.codec.dns.DnsRawRecord;
import io.netty.handler.codec.dns.DnsRecord;
import io.netty.handler.codec.dns.DnsRecordType;
import io.netty.handler.codec.dns.DnsResponseCode;
import io.netty.resolver.dns.DnsErrorCauseException;
import io.netty.resolver.dns.DnsNameResolver;
import io.netty.resolver.dns.DnsNameResolverBuilder;
import io.netty.resolver.dns.DnsNameResolverTimeoutException;
import io.netty.resolver.dns.DnsQueryLifecycleObserver;
import io.netty.resolver.dns.DnsServerAddressStreamProvider;
import io.netty.resolver.dns.NoopAuthoritativeDnsServerCache;
import io.netty.resolver.dns.NoopDnsCache;
import io.netty.resolver.dns.NoopDnsCnameCache;
import io.netty.resolver.dns.SequentialDnsServerAddressStreamProvider;
import io.netty.resolver.dns.UnixResolverDnsServerAddressStreamProvider;
import io.netty.util.NetUtil;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import io.sluice.config.Origin;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Name servers, asked by UDP, and by TCP where an answer is truncated.
 *
 * <p>Each question has a socket of its own, so a port of its own that a forger would have to guess,
 * and reads {@code resolv.conf} anew. Nothing is remembered: how long an answer holds is the
 * asker's business. {@code /etc/hosts} is not asked, for it has no records and no time to live.
 */
final class NettyNameServers implements NameServers {
  private static final Path SYSTEM = Path.of("/etc/resolv.conf");

  /** What goes through all networks in one piece (DNS flag day 2020). */
  private static final int PAYLOAD_BYTES = 1_232;

  private static final int MOST_QUERIES = 16;

  private final Origin.Dns wanted;
  private final Supplier<EventLoopGroup> loop;

  NettyNameServers(Origin.Dns wanted, Supplier<EventLoopGroup> loop) {
    this.wanted = wanted;
    this.loop = loop;
  }

  @Override
  public Answer ask(String name, Origin.Type type) throws IOException, InterruptedException {
    String question = name + " " + type;
    DnsRecordType recordType = DnsRecordType.valueOf(type.name());
    Heard heard = new Heard();
    try (DnsNameResolver resolver = resolver(heard)) {
      Future<List<DnsRecord>> answer =
          resolver.resolveAll(new DefaultDnsQuestion(name, recordType));
      long mostMs = Math.min(60_000, MOST_QUERIES * wanted.timeout().toMillis());
      if (!answer.await(mostMs, MILLISECONDS)) {
        answer.cancel(true);
        throw new IOException(question + ": no answer within " + mostMs + " ms");
      }
      if (!answer.isSuccess()) {
        throw failure(question, answer.cause(), heard);
      }
      List<DnsRecord> records = answer.getNow();
      try {
        return answer(question, records, recordType);
      } finally {
        records.forEach(ReferenceCountUtil::safeRelease);
      }
    }
  }

  private DnsNameResolver resolver(Heard heard) throws IOException {
    DnsNameResolverBuilder builder =
        new DnsNameResolverBuilder(loop.get().next())
            .datagramChannelType(NioDatagramChannel.class)
            .socketChannelType(NioSocketChannel.class)
            .nameServerProvider(nameServers())
            .hostsFileEntriesResolver((_, _) -> null)
            .resolveCache(NoopDnsCache.INSTANCE)
            .cnameCache(NoopDnsCnameCache.INSTANCE)
            .authoritativeDnsServerCache(NoopAuthoritativeDnsServerCache.INSTANCE)
            .dnsQueryLifecycleObserverFactory(_ -> heard)
            .queryTimeoutMillis(wanted.timeout().toMillis())
            .maxQueriesPerResolve(MOST_QUERIES)
            .maxPayloadSize(PAYLOAD_BYTES);
    return (wanted.resolvers().isEmpty() ? builder : builder.searchDomains(List.of())).build();
  }

  private DnsServerAddressStreamProvider nameServers() throws IOException {
    if (!wanted.resolvers().isEmpty()) {
      return new SequentialDnsServerAddressStreamProvider(wanted.resolvers());
    }
    // Where that names none, Netty would ask somebody else's.
    if (!Files.isReadable(SYSTEM)
        || Files.readAllLines(SYSTEM).stream().noneMatch(line -> line.startsWith("nameserver"))) {
      throw new IOException(SYSTEM + " names no name server: give discovery.dns.resolvers");
    }
    return new UnixResolverDnsServerAddressStreamProvider(SYSTEM.toFile());
  }

  private static Answer answer(String question, List<DnsRecord> records, DnsRecordType type)
      throws IOException {
    List<Entry> entries = new ArrayList<>();
    long ttlSeconds = Long.MAX_VALUE / 2_000_000_000;
    for (DnsRecord record : records) {
      if (record.type().equals(type) && record instanceof DnsRawRecord raw) {
        entries.add(entry(raw, type));
        ttlSeconds = Math.min(ttlSeconds, raw.timeToLive());
      }
    }
    if (entries.isEmpty()) {
      throw new NoSuchName(question + ": the answer is empty");
    }
    return new Answer(entries, Duration.ofSeconds(ttlSeconds));
  }

  private static Entry entry(DnsRawRecord raw, DnsRecordType type) throws UnknownHostException {
    var content = ((ByteBufHolder) raw).content();
    if (type.equals(DnsRecordType.SRV)) {
      var data = content.duplicate();
      return new Entry.Service(
          data.readUnsignedShort(),
          data.readUnsignedShort(),
          data.readUnsignedShort(),
          DefaultDnsRecordDecoder.decodeName(data));
    }
    byte[] ip = new byte[content.readableBytes()];
    content.getBytes(content.readerIndex(), ip);
    return new Entry.Host(InetAddress.getByAddress(ip));
  }

  /** What name servers said last: of a refusal Netty itself tells that it failed, and no more. */
  private static final class Heard implements DnsQueryLifecycleObserver {
    private volatile String refusal = "";
    private volatile String server = "";

    @Override
    public void queryWritten(InetSocketAddress to, ChannelFuture done) {
      server = NetUtil.toSocketAddressString(to);
      refusal = "";
    }

    @Override
    public DnsQueryLifecycleObserver queryNoAnswer(DnsResponseCode code) {
      refusal = server + " answers " + code;
      return this;
    }

    @Override
    public void queryCancelled(int queriesRemaining) {}

    @Override
    public DnsQueryLifecycleObserver queryRedirected(List<InetSocketAddress> to) {
      return this;
    }

    @Override
    public DnsQueryLifecycleObserver queryCNAMEd(DnsQuestion question) {
      return this;
    }

    @Override
    public void queryFailed(Throwable cause) {}

    @Override
    public void querySucceed() {}
  }

  /** What went wrong in the end stands in the cause of a cause, if anywhere there. */
  private IOException failure(String question, Throwable failure, Heard heard) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    if (root instanceof DnsErrorCauseException said
        && DnsResponseCode.NXDOMAIN.equals(said.getCode())) {
      return new NoSuchName(question + ": there is no such name (NXDOMAIN)");
    }
    return new IOException(question + ": " + why(root, heard), failure);
  }

  /** Netty's words have the query's number, and would be told as another failure each time. */
  private @Nullable String why(Throwable root, Heard heard) {
    if (!heard.refusal.isEmpty()) {
      return heard.refusal;
    }
    return root instanceof DnsNameResolverTimeoutException
        ? "%s does not answer within %d ms".formatted(heard.server, wanted.timeout().toMillis())
        : root.getMessage();
  }
}
