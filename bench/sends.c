/*
 * The reason behind connected sockets: what a send costs on one, and on one that must be told the destination each time.
 *
 * Only the sending thread's CPU time counts, and only while it sends: bursts of 64, between which the sinks are emptied.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TURNS = 5, BURSTS = 300, BYTES = 200, SHAPES = 3 };

struct ends {
  int sources, sinks;
};

static int *sinks;
static struct sockaddr_in *names;

static uint64_t thread_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void open_sinks(int count) {
  sinks = calloc((size_t)count, sizeof *sinks);
  names = calloc((size_t)count, sizeof *names);
  if (sinks == NULL || names == NULL) fail("out of memory");
  for (int i = 0; i < count; i++) {
    socklen_t length = sizeof names[i];
    sinks[i] = udp_bound(loopback(0));
    getsockname(sinks[i], (struct sockaddr *)&names[i], &length);
  }
}

static int *open_sources(struct ends ends, bool connected) {
  int *fds = calloc((size_t)ends.sources, sizeof *fds);
  if (fds == NULL) fail("out of memory");
  for (int i = 0; i < ends.sources; i++) {
    fds[i] = udp_bound(loopback(0));
    struct sockaddr_in *to = &names[i % ends.sinks];
    if (connected && connect(fds[i], (struct sockaddr *)to, sizeof *to) != 0) fail("connect");
  }
  return fds;
}

/* CPU us a datagram, source and sink taken in turn. */
static double cost(struct ends ends, const int *fds, bool connected) {
  static char bytes[BYTES], scratch[BYTES];
  uint64_t spent = 0, turn = 0;
  for (int burst = 0; burst < BURSTS; burst++) {
    uint64_t first = turn, begun = thread_ns();
    for (int i = 0; i < BATCH; i++, turn++) {
      int fd = fds[turn % (uint64_t)ends.sources];
      struct sockaddr_in *to = &names[turn % (uint64_t)ends.sinks];
      ssize_t sent = connected ? send(fd, bytes, BYTES, 0) : sendto(fd, bytes, BYTES, 0, (struct sockaddr *)to, sizeof *to);
      if (sent != BYTES) fail("a datagram of %d bytes was not sent", BYTES);
    }
    spent += thread_ns() - begun;
    for (; first < turn; first++) {
      if (recv(sinks[first % (uint64_t)ends.sinks], scratch, BYTES, MSG_DONTWAIT) != BYTES) fail("a datagram did not arrive");
    }
  }
  return (double)spent / 1000 / (double)turn;
}

static int by_value(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }

void run_sends(int sockets) {
  static const char *const shapes[SHAPES] = {"one", "links", "clients"};
  double costs[SHAPES][2][TURNS];
  int *fds[SHAPES][2];
  open_sinks(sockets);
  /* One of each; many sockets to one backend; many clients: with a socket each, or all from one. */
  struct ends ends[SHAPES][2] = {{{1, 1}, {1, 1}}, {{sockets, 1}, {sockets, 1}}, {{1, sockets}, {sockets, sockets}}};
  for (int s = 0; s < SHAPES; s++) {
    for (int c = 0; c < 2; c++) fds[s][c] = open_sources(ends[s][c], c == 1);
  }
  for (int t = 0; t < TURNS; t++) {
    for (int s = 0; s < SHAPES; s++) {
      for (int c = 0; c < 2; c++) costs[s][c][t] = cost(ends[s][c], fds[s][c], c == 1);
    }
  }
  printf("{\"load\":\"sends\",\"sockets\":%d,\"bytes\":%d", sockets, BYTES);
  for (int s = 0; s < SHAPES; s++) {
    for (int c = 0; c < 2; c++) {
      qsort(costs[s][c], TURNS, sizeof(double), by_value);
      printf(",\"%s_%s_us\":%.3f", shapes[s], c == 1 ? "send" : "sendto", costs[s][c][TURNS / 2]);
    }
  }
  printf("}\n");
}
