/* What stands behind the relay: an echo, an echo of trains, a sink. Each says on one JSON line, when it ends, what came and went. */
#include "load.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { MAX_PORTS = 64, MAX_SOURCES = 1 << 16 };

struct tally {
  uint64_t received, sent, dropped, bytes;
};

static void send_all(struct batch *b, int fd, int n, struct tally *tally) {
  for (int from = 0; from < n;) {
    int sent = sendmmsg(fd, b->messages + from, (unsigned)(n - from), 0);
    if (sent <= 0 && errno == EINTR) continue;
    if (sent <= 0) tally->dropped++, sent = 1;
    else tally->sent += (uint64_t)sent;
    from += sent;
  }
}

static void report(const char *name, const struct tally *t) {
  printf("{\"backend\":\"%s\",\"received\":%lu,\"sent\":%lu,\"dropped\":%lu,\"bytes\":%lu}\n", name, t->received, t->sent, t->dropped, t->bytes);
}

void run_echo(const char *endpoints, double seconds) {
  int fds[MAX_PORTS], count = 0, epoll = epoll_create1(0), ready;
  struct epoll_event events[MAX_PORTS];
  struct tally tally = {0};
  struct batch *b = batch_new(BATCH, MAX_DATAGRAM);
  char *list = strdupa(endpoints);
  for (char *next, *at = strtok_r(list, ",", &next); at != NULL && count < MAX_PORTS; at = strtok_r(NULL, ",", &next), count++) {
    fds[count] = watch(epoll, udp_bound(endpoint(at)), (uint32_t)count);
  }
  stop_after(seconds);
  while (!stopped) {
    wait_events(epoll, events, MAX_PORTS, 100000000, &ready);
    for (int e = 0; e < ready; e++) {
      int fd = fds[events[e].data.u32], n = batch_receive(b, fd, true, false);
      for (int i = 0; i < n; i++) {
        b->iov[i].iov_len = b->messages[i].msg_len;
        tally.bytes += b->messages[i].msg_len;
      }
      tally.received += (uint64_t)n;
      send_all(b, fd, n, &tally);
    }
  }
  report("echo", &tally);
}

/* An echo with known faults, to prove that the clients see each of them (bench/test). */
void run_faulty_echo(const char *port, double seconds) {
  int fd = udp_bound(endpoint(port)), epoll = epoll_create1(0), ready;
  uint64_t n = 0, dropped = 0, duplicated = 0, corrupted = 0, swapped = 0;
  struct epoll_event event;
  struct tally tally = {0};
  struct batch *b = batch_new(1, MAX_DATAGRAM), *held = batch_new(1, MAX_DATAGRAM);
  bool holding = false;
  watch(epoll, fd, 0);
  stop_after(seconds);
  while (!stopped) {
    wait_events(epoll, &event, 1, 100000000, &ready);
    if (ready <= 0 || batch_receive(b, fd, true, false) != 1) continue;
    b->iov[0].iov_len = b->messages[0].msg_len;
    int fault = (int)(++n % 100);
    if (fault == 10) {
      dropped++;
      continue;
    }
    if (fault == 40) { /* overtaken by the next */
      struct batch *next = held;
      held = b, b = next, holding = true;
      continue;
    }
    if (fault == 30) b->bytes[n % b->iov[0].iov_len] ^= 1, corrupted++;
    send_all(b, fd, 1, &tally);
    if (fault == 20) send_all(b, fd, 1, &tally), duplicated++;
    if (holding) send_all(held, fd, 1, &tally), swapped++, holding = false;
  }
  printf("{\"backend\":\"faulty-echo\",\"received\":%lu,\"lost\":%lu,\"reordered\":%lu,\"duplicated\":%lu,\"corrupted\":%lu}\n", n,
         dropped + corrupted + holding, swapped, duplicated, corrupted);
}

void run_train_echo(const char *port, double seconds) {
  int fd = udp_bound(endpoint(port)), epoll = epoll_create1(0), ready;
  struct epoll_event event;
  struct tally tally = {0};
  struct batch *b = batch_new(16, 65536); /* a train shorter than its buffer is cut */
  set_option(fd, SOL_UDP, UDP_GRO, 1);
  watch(epoll, fd, 0);
  stop_after(seconds);
  while (!stopped) {
    wait_events(epoll, &event, 1, 100000000, &ready);
    if (ready <= 0) continue;
    int n = batch_receive(b, fd, true, true);
    for (int i = 0; i < n; i++) {
      int length = (int)b->messages[i].msg_len, segment = batch_segment(b, i);
      b->iov[i].iov_len = (size_t)length;
      b->messages[i].msg_hdr.msg_controllen = 0;
      if (segment < length) batch_train(b, i, segment);
      tally.bytes += (uint64_t)length;
    }
    tally.received += (uint64_t)n;
    send_all(b, fd, n, &tally);
  }
  report("train-echo", &tally);
}

void run_sink(const char *port, double seconds) {
  static struct { uint32_t run; struct order order; } sources[MAX_SOURCES];
  int fd = udp_bound(endpoint(port)), epoll = epoll_create1(0), ready;
  uint64_t gaps = 0, flows = 0;
  struct epoll_event event;
  struct counts counts = {0};
  struct batch *b = batch_new(BATCH, MAX_DATAGRAM);
  watch(epoll, fd, 0);
  stop_after(seconds);
  while (!stopped) {
    wait_events(epoll, &event, 1, 100000000, &ready);
    int n = ready > 0 ? batch_receive(b, fd, false, false) : 0;
    for (int i = 0; i < n; i++) {
      struct stamp s;
      if (!payload_read(b->iov[i].iov_base, b->messages[i].msg_len, &s) || s.flow >= MAX_SOURCES) {
        counts.corrupted++;
        continue;
      }
      struct order *order = &sources[s.flow].order;
      if (sources[s.flow].run != s.run) { /* another run of the generator counts from 0 again */
        *order = (struct order){0};
        sources[s.flow].run = s.run;
        flows++;
      }
      uint64_t next = order->next;
      if (!order_take(order, s.seq, &counts)) continue;
      if (s.seq >= next) gaps += s.seq - next;
      else gaps--;
    }
  }
  printf("{\"backend\":\"sink\",\"flows\":%lu,\"received\":%lu,\"gaps\":%lu,\"reordered\":%lu,\"duplicated\":%lu,\"corrupted\":%lu}\n",
         flows, counts.received, gaps, counts.reordered, counts.duplicated, counts.corrupted);
}
