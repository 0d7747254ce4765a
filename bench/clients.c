/*
 * The loads many, trains and oneway: flows that send numbered datagrams and check what comes back (oneway: what comes out at the sink).
 *
 * Without --rate the loop is closed: a flow (oneway: all flows together) keeps --window datagrams in flight, so that the relay is
 * saturated and never overrun. With --rate it is open: datagrams are due at fixed times whatever has come back, and are stamped
 * with the time they were due.
 */
#include "load.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { EVENTS = 512, OPENING = 256 };
static const uint64_t SCAN_NS = 50000000, GONE_NS = 500000000, DRAIN_NS = 2000000000;

struct flow {
  int fd;
  uint64_t sent, written_off; /* written off: numbers below are not waited for any more */
  struct order order;
  uint64_t moved_ns; /* when it last sent or received */
};

struct mark {
  uint64_t at_ns, sent, received, cpu_ns;
};

static const struct options *o;
static struct flow *flows;
static struct batch *in, *out;
static struct histogram latency;
static struct counts counts;
static uint64_t sent, in_flight, send_errors, last_arrival_ns;
static uint32_t run, opened, answered, turn;
static bool sending, measuring;

static uint64_t settled(const struct flow *f) { return f->order.next > f->written_off ? f->order.next : f->written_off; }

/* Sends the flow's next n datagrams: as one train, or as a batch. */
static int send_next(struct flow *f, int n, uint64_t stamp_ns, uint64_t now) {
  uint32_t id = (uint32_t)(f - flows), size = (uint32_t)o->size;
  int messages = o->train > 0 ? 1 : n;
  for (int i = 0; i < n; i++) {
    char *at = o->train > 0 ? out->bytes + (size_t)i * size : out->iov[i].iov_base;
    payload_write(at, run, id, f->sent + (uint64_t)i, size, stamp_ns);
  }
  for (int i = 0; i < messages; i++) out->iov[i].iov_len = o->train > 0 ? (size_t)n * size : size;
  if (o->train > 0) batch_train(out, 0, o->size);
  int left = sendmmsg(f->fd, out->messages, (unsigned)messages, MSG_DONTWAIT);
  if (left <= 0) { /* a full buffer, or an ICMP error for an earlier datagram: nothing was sent, the numbers are used again */
    send_errors++;
    return 0;
  }
  int datagrams = o->train > 0 ? n : left;
  f->sent += (uint64_t)datagrams, sent += (uint64_t)datagrams, in_flight += (uint64_t)datagrams;
  f->moved_ns = now;
  return datagrams;
}

/* Closed loop, one flow: fills its window. */
static void refill(struct flow *f, uint64_t now) {
  for (;;) {
    int room = o->window - (int)(f->sent - settled(f));
    int n = o->train > 0 ? o->train : room < BATCH ? room : BATCH;
    if (n <= 0 || n > room || send_next(f, n, now, now) < n) return;
  }
}

/* Closed loop, all flows together: bursts in turn. */
static void refill_in_turn(uint64_t now) {
  while (in_flight + (uint64_t)o->burst <= (uint64_t)o->window) {
    if (send_next(&flows[turn++ % (uint32_t)o->flows], o->burst, now, now) < o->burst) return;
  }
}

/* Open loop: sends what has fallen due and says when the next is due. */
static uint64_t send_due(uint64_t start, uint64_t now) {
  static uint64_t planned;
  int unit = o->train > 0 ? o->train : o->burst;
  double gap_ns = 1e9 / o->rate;
  for (int most = BATCH; most > 0; most--) {
    uint64_t due = start + (uint64_t)((double)planned * gap_ns);
    if (due > now) return due;
    send_next(&flows[turn++ % (uint32_t)o->flows], unit, due, now);
    planned += (uint64_t)unit;
  }
  return now;
}

static void take(const struct stamp *s, uint64_t now) {
  struct flow *f = &flows[s->flow];
  uint64_t before = settled(f);
  if (f->order.next == 0) answered++;
  if (!order_take(&f->order, s->seq, &counts)) return;
  in_flight -= settled(f) - before;
  f->moved_ns = last_arrival_ns = now;
  if (measuring) histogram_add(&latency, now - s->sent_ns);
}

/* Reads one batch; id is the flow whose socket it is, or -1 for the sink's. */
static void receive(int fd, int64_t id) {
  int n = batch_receive(in, fd, false, o->train > 0);
  uint64_t now = now_ns();
  for (int i = 0; i < n; i++) {
    const char *at = in->iov[i].iov_base;
    int left = (int)in->messages[i].msg_len, segment = o->train > 0 ? batch_segment(in, i) : left;
    do {
      int size = segment < left ? segment : left;
      struct stamp s;
      if (!payload_read(at, (size_t)size, &s)) counts.corrupted++;
      else if (s.run != run) counts.stray++;
      else if ((id >= 0 && s.flow != id) || s.flow >= (uint32_t)o->flows || s.seq >= flows[s.flow].sent) counts.corrupted++; /* someone else's */
      else take(&s, now);
      at += size, left -= size;
    } while (left > 0);
  }
  if (sending && o->rate == 0 && id >= 0) refill(&flows[id], now);
}

/* What has not come back in half a second is not waited for, or the window would close for good. */
static void scan(uint64_t now) {
  for (uint32_t i = 0; i < opened; i++) {
    struct flow *f = &flows[i];
    if (f->sent > settled(f) && now - f->moved_ns > GONE_NS) {
      in_flight -= f->sent - settled(f);
      f->written_off = f->sent;
    }
    if (sending && o->rate == 0 && o->sink == 0) refill(f, now);
  }
}

/* Flows begin a few at a time: opening one costs a relay far more than relaying, and its buffer is not what is measured. */
static void open_more(uint64_t now, bool overdue) {
  while (opened < (uint32_t)o->flows && (overdue || opened - answered < OPENING)) {
    refill(&flows[opened++], now);
    if (opened % OPENING == 0) overdue = false;
  }
}

static struct mark mark(uint64_t now) { return (struct mark){now, sent, counts.received, cpu_ns()}; }

static void report(const char *name, struct mark from, struct mark to) {
  uint64_t answers = to.received - from.received, relayed = o->sink > 0 ? answers : 2 * answers, cpu = to.cpu_ns - from.cpu_ns;
  double seconds = (double)(to.at_ns - from.at_ns) / 1e9;
  if (o->unheard) { /* only the sink knows more */
    printf("{\"load\":\"%s\",\"flows\":%d,\"size\":%d,\"sent\":%lu,\"send_errors\":%lu}\n", name, o->flows, o->size, sent, send_errors);
    return;
  }
  counts.lost = sent - counts.received;
  printf("{\"load\":\"%s\",\"flows\":%d,\"size\":%d,\"seconds\":%.3f,\"sent\":%lu,\"received\":%lu,\"lost\":%lu,\"reordered\":%lu,"
         "\"duplicated\":%lu,\"corrupted\":%lu,\"stray\":%lu,\"send_errors\":%lu,",
         name, o->flows, o->size, seconds, sent, counts.received, counts.lost, counts.reordered, counts.duplicated, counts.corrupted,
         counts.stray, send_errors);
  printf("\"sent_per_second\":%.0f,\"relayed\":%lu,\"relayed_per_second\":%.0f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,"
         "\"cpu_us_per_datagram\":%.3f,\"cpu_share\":%.3f}\n",
         (double)(to.sent - from.sent) / seconds, relayed, (double)relayed / seconds, histogram_us(&latency, 0.5), histogram_us(&latency, 0.9), histogram_us(&latency, 0.99),
         histogram_us(&latency, 0.999), (double)latency.max_ns / 1000, relayed > 0 ? (double)cpu / 1000 / (double)relayed : 0,
         (double)cpu / 1e9 / seconds);
}

/* For seeing a contender warm up: what a datagram cost in the second gone by. */
static void report_second(uint64_t now) {
  static struct mark before;
  static int second;
  if (before.at_ns != 0 && now - before.at_ns < 1000000000u) return;
  struct mark here = mark(now);
  double datagrams = (o->sink > 0 ? 1 : 2) * (double)(here.received - before.received);
  if (before.at_ns != 0) printf("{\"second\":%d,\"cpu_us_per_datagram\":%.3f}\n", ++second, datagrams > 0 ? (double)(here.cpu_ns - before.cpu_ns) / 1000 / datagrams : 0);
  before = here;
}

static int open_sockets(int epoll) {
  int sink = -1;
  if (o->sink > 0) sink = watch(epoll, udp_bound(loopback(o->sink)), 0);
  flows = calloc((size_t)o->flows, sizeof *flows);
  if (flows == NULL) fail("out of memory");
  for (int i = 0; i < o->flows; i++) {
    flows[i].fd = udp_connected(o->target);
    if (o->train > 0) set_option(flows[i].fd, SOL_UDP, UDP_GRO, 1);
    if (sink < 0) watch(epoll, flows[i].fd, (uint32_t)i);
  }
  return sink;
}

void run_clients(const char *name, const struct options *options) {
  static struct epoll_event events[EVENTS];
  int epoll = epoll_create1(0), ready;
  o = options;
  run = (uint32_t)(now_ns() >> 10) ^ (uint32_t)getpid() << 16;
  in = batch_new(o->train > 0 ? 16 : BATCH, o->train > 0 ? 65536 : MAX_DATAGRAM);
  out = batch_new(o->train > 0 ? 1 : BATCH, o->train > 0 ? 65536 : MAX_DATAGRAM);
  prctl(PR_SET_TIMERSLACK, 1); /* pacing by sleep, as exact as the timer allows */
  int sink = open_sockets(epoll);
  stop_after(o->warm + o->seconds + 30);

  uint64_t start = now_ns(), scanned = start, begin = 0, end = UINT64_MAX, next_due = 0;
  uint64_t warm_ns = (uint64_t)(o->warm * 1e9), length_ns = (uint64_t)(o->seconds * 1e9);
  struct mark from = {0}, to = {0};
  bool paced = o->rate > 0;
  sending = true;
  if (paced || sink >= 0) opened = (uint32_t)o->flows;
  while (!stopped) {
    uint64_t now = now_ns();
    bool overdue = now - scanned > SCAN_NS;
    if (overdue) scan(scanned = now);
    if (begin == 0 && opened == (uint32_t)o->flows) begin = now + warm_ns;
    if (begin != 0 && !measuring && sending && now >= begin) {
      from = mark(now), measuring = true, end = now + length_ns;
    }
    if (sending && now >= end) {
      to = mark(now), measuring = sending = false, last_arrival_ns = now;
    }
    if (measuring && o->each_second) report_second(now);
    if (!sending && (counts.received == sent || o->unheard || now - last_arrival_ns > GONE_NS || now - end > DRAIN_NS)) break;
    if (sending) {
      if (paced) next_due = send_due(start, now);
      else if (sink >= 0) refill_in_turn(now);
      else open_more(now, overdue);
    }
    uint64_t wait = SCAN_NS;
    if (sending && paced) wait = next_due > now ? next_due - now : 0;
    wait_events(epoll, events, EVENTS, wait < SCAN_NS ? wait : SCAN_NS, &ready);
    for (int e = 0; e < ready; e++) {
      uint32_t id = events[e].data.u32;
      if (sink >= 0) receive(sink, -1);
      else receive(flows[id].fd, id);
    }
  }
  if (to.at_ns == 0) fail("stopped before the measurement was over");
  report(name, from, to);
}
