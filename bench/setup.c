/*
 * The load setup: every request comes from a client address the relay has not seen, and opens a flow there.
 *
 * A few sockets, bound to all addresses of the loopback device, send each request from another address of 127.0.0.0/8 (IP_PKTINFO)
 * and see at which address its reply came in. So a new client costs the generator a datagram, where a new socket would cost it as
 * much as the relay; and a reply brought to the wrong client shows as corruption.
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { SOCKETS = 16, MAX_WINDOW = 4096 };
static const uint64_t GONE_NS = 500000000;

/* A request in flight; `seq` tells a late reply from that of the slot's next request. */
struct slot {
  uint64_t seq, sent_ns;
  bool taken;
};

static int fds[SOCKETS];
static struct slot slots[MAX_WINDOW];
static int idle[MAX_WINDOW], idle_count;
static struct counts counts;
static struct histogram latency;
static uint64_t sent, send_errors, last_answer_ns;
static uint32_t run;

/* Client number seq: addresses 127.1.0.1 and up, all ports of one address in turn, beginning elsewhere in each run. */
static uint32_t address_of(uint64_t seq) { return 0x7f010001u + (uint32_t)((seq / SOCKETS + run) % 0xfd0000u); }

static void open_sockets(int epoll) {
  for (int i = 0; i < SOCKETS; i++) {
    struct sockaddr_in any = {.sin_family = AF_INET};
    fds[i] = udp_socket();
    if (setsockopt(fds[i], SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo") != 0) fail("SO_BINDTODEVICE lo: %s", strerror(errno));
    if (bind(fds[i], (struct sockaddr *)&any, sizeof any) != 0) fail("bind: %s", strerror(errno));
    set_option(fds[i], IPPROTO_IP, IP_PKTINFO, 1);
    watch(epoll, fds[i], (uint32_t)i);
  }
}

static bool send_one(struct batch *b, const struct options *o, uint64_t now) {
  int slot = idle[idle_count - 1];
  struct msghdr *m = &b->messages[0].msg_hdr;
  struct in_pktinfo from = {.ipi_spec_dst.s_addr = htonl(address_of(sent))};
  payload_write(b->bytes, run, (uint32_t)slot, sent, (uint32_t)o->size, now);
  b->iov[0].iov_len = (size_t)o->size;
  b->names[0] = o->target;
  m->msg_name = &b->names[0], m->msg_namelen = sizeof b->names[0];
  m->msg_control = b->control[0], m->msg_controllen = CMSG_SPACE(sizeof from);
  struct cmsghdr *c = CMSG_FIRSTHDR(m);
  c->cmsg_level = IPPROTO_IP, c->cmsg_type = IP_PKTINFO, c->cmsg_len = CMSG_LEN(sizeof from);
  memcpy(CMSG_DATA(c), &from, sizeof from);
  if (sendmsg(fds[sent % SOCKETS], m, MSG_DONTWAIT) < 0) {
    send_errors++;
    return false;
  }
  slots[slot] = (struct slot){sent++, now, true};
  idle_count--;
  return true;
}

static uint32_t arrived_at(struct msghdr *m) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
    struct in_pktinfo to;
    if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO) continue;
    memcpy(&to, CMSG_DATA(c), sizeof to);
    return ntohl(to.ipi_addr.s_addr);
  }
  return 0;
}

static void receive(struct batch *b, int socket) {
  int n = batch_receive(b, fds[socket], false, true);
  uint64_t now = now_ns();
  for (int i = 0; i < n; i++) {
    struct stamp s;
    if (!payload_read(b->iov[i].iov_base, b->messages[i].msg_len, &s) || s.flow >= MAX_WINDOW) {
      counts.corrupted++;
    } else if (s.run != run) {
      counts.stray++;
    } else if (s.seq >= sent || s.seq % SOCKETS != (uint64_t)socket || address_of(s.seq) != arrived_at(&b->messages[i].msg_hdr)) {
      counts.corrupted++;
    } else if (!slots[s.flow].taken || slots[s.flow].seq != s.seq) {
      counts.duplicated++; /* or so late that it was counted as lost */
    } else {
      slots[s.flow].taken = false;
      idle[idle_count++] = (int)s.flow;
      counts.received++;
      last_answer_ns = now;
      histogram_add(&latency, now - s.sent_ns);
    }
  }
}

static void give_up_on_old(int window, uint64_t now) {
  for (int i = 0; i < window; i++) {
    if (!slots[i].taken || now - slots[i].sent_ns < GONE_NS) continue;
    slots[i].taken = false;
    idle[idle_count++] = i;
    counts.lost++;
  }
}

void run_setup(const struct options *o) {
  int epoll = epoll_create1(0), ready;
  struct epoll_event events[SOCKETS];
  struct batch *in = batch_new(BATCH, MAX_DATAGRAM), *out = batch_new(1, MAX_DATAGRAM);
  if (o->window > MAX_WINDOW) fail("--window is at most %d here", MAX_WINDOW);
  run = (uint32_t)(now_ns() >> 10) ^ (uint32_t)getpid() << 16;
  open_sockets(epoll);
  for (int i = 0; i < o->window; i++) idle[idle_count++] = i;
  stop_after(o->seconds + 30);

  uint64_t start = now_ns(), end = start + (uint64_t)(o->seconds * 1e9), scanned = start, cpu = cpu_ns();
  last_answer_ns = start;
  for (uint64_t now = start; !stopped; now = now_ns()) {
    bool over = now >= end || sent >= o->count;
    if (over && idle_count == o->window) break;
    uint64_t due = o->rate > 0 ? (uint64_t)((double)(now - start) / 1e9 * o->rate) + 1 : UINT64_MAX;
    while (!over && idle_count > 0 && sent < due && sent < o->count && send_one(out, o, now)) {}
    if (now - scanned > GONE_NS / 10) give_up_on_old(o->window, scanned = now);
    wait_events(epoll, events, SOCKETS, o->rate > 0 && !over ? 100000 : GONE_NS / 10, &ready);
    for (int e = 0; e < ready; e++) receive(in, (int)events[e].data.u32);
  }
  double seconds = (double)(last_answer_ns - start) / 1e9, cpu_us = (double)(cpu_ns() - cpu) / 1000;
  printf("{\"load\":\"setup\",\"window\":%d,\"size\":%d,\"seconds\":%.3f,\"sent\":%lu,\"received\":%lu,\"lost\":%lu,\"duplicated\":%lu,"
         "\"corrupted\":%lu,\"stray\":%lu,\"send_errors\":%lu,\"flows_per_second\":%.0f,",
         o->window, o->size, seconds, sent, counts.received, sent - counts.received, counts.duplicated, counts.corrupted, counts.stray,
         send_errors, seconds > 0 ? (double)counts.received / seconds : 0);
  printf("\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,\"cpu_us_per_flow\":%.2f}\n",
         histogram_us(&latency, 0.5), histogram_us(&latency, 0.9), histogram_us(&latency, 0.99), histogram_us(&latency, 0.999),
         (double)latency.max_ns / 1000, counts.received > 0 ? cpu_us / (double)counts.received : 0);
}
