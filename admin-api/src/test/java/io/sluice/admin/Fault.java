package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;

/** What may happen to a backend, and its end. */
enum Fault {
  KILLED("process killed") {
    @Override
    void begin(BackendHost host, Tempo tempo) throws Exception {
      host.kill();
    }

    @Override
    void end(BackendHost host) throws Exception {
      host.start();
    }
  },
  HOST_GONE("host gone (link down)") {
    @Override
    void begin(BackendHost host, Tempo tempo) throws Exception {
      host.netns.ip("link", "set", "eth0", "down");
    }

    @Override
    void end(BackendHost host) throws Exception {
      host.netns.ip("link", "set", "eth0", "up");
      host.routeBack(); // went with the link
    }
  },
  BLACK_HOLE("black hole (nft drop)") {
    @Override
    void begin(BackendHost host, Tempo tempo) throws Exception {
      nft(host, "chain input { type filter hook input priority 0; meta l4proto udp drop; }");
    }

    @Override
    void end(BackendHost host) throws Exception {
      clear(host);
    }
  },
  SLOW("slow (late replies)") {
    @Override
    void begin(BackendHost host, Tempo tempo) {
      host.delay(tempo.late());
    }

    @Override
    void end(BackendHost host) {
      host.delay(Duration.ZERO);
    }
  },
  ICMP_FILTERED("process killed and ICMP filtered") {
    @Override
    void begin(BackendHost host, Tempo tempo) throws Exception {
      nft(host, "chain output { type filter hook output priority 0; meta l4proto icmp drop; }");
      host.kill();
    }

    @Override
    void end(BackendHost host) throws Exception {
      host.start();
      clear(host);
    }
  },
  /** To each of the appliance's addresses, as Linux itself limits them. */
  ICMP_LIMITED("process killed and ICMP limited to one a second") {
    @Override
    void begin(BackendHost host, Tempo tempo) throws Exception {
      var rules = new StringBuilder();
      for (Cell cell : Cell.values()) {
        rules.append(
            "ip daddr %s meta l4proto icmp limit rate 1/second burst 1 packets accept; "
                .formatted(cell.source()));
      }
      nft(
          host,
          "chain output { type filter hook output priority 0; %s meta l4proto icmp drop; }"
              .formatted(rules));
      host.kill();
    }

    @Override
    void end(BackendHost host) throws Exception {
      host.start();
      clear(host);
    }
  },
  FLAPPING("flapping (process killed and started)") {
    @Override
    void begin(BackendHost host, Tempo tempo) throws Exception {
      host.kill();
    }

    @Override
    void end(BackendHost host) throws Exception {
      host.start();
    }

    @Override
    void strike(BackendHost host, Tempo tempo) throws Exception {
      for (int flap = 0; flap < tempo.flaps(); flap++) {
        begin(host, tempo);
        Thread.sleep(tempo.flap());
        end(host);
        if (flap < tempo.flaps() - 1) {
          Thread.sleep(tempo.flap());
        }
      }
    }
  };

  private final String title;

  Fault(String title) {
    this.title = title;
  }

  abstract void begin(BackendHost host, Tempo tempo) throws Exception;

  abstract void end(BackendHost host) throws Exception;

  /** Begins, lasts and ends. */
  void strike(BackendHost host, Tempo tempo) throws Exception {
    begin(host, tempo);
    Thread.sleep(tempo.lasts());
    end(host);
  }

  private static void nft(BackendHost host, String chain) throws Exception {
    Ended nft =
        Ended.run(
            host.netns.prefix(
                "nft", "add table inet fault; table inet fault { %s; }".formatted(chain)));
    assertThat(nft.status()).as(nft.err()).isZero();
  }

  private static void clear(BackendHost host) throws Exception {
    Ended nft = Ended.run(host.netns.prefix("nft", "delete table inet fault"));
    assertThat(nft.status()).as(nft.err()).isZero();
  }

  @Override
  public String toString() {
    return title;
  }
}
