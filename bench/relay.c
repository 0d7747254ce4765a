/*
 * The floor: the least a relay with one connected socket a flow can do. recvmmsg in, sendmmsg out, level-triggered epoll, a hash
 * table; with --gro trains come in by UDP_GRO and leave by UDP_SEGMENT. No limits, no health, no filters, IPv4 and one backend only.
 *
 * relay [ADDRESS:]PORT [ADDRESS:]BACKEND-PORT [--gro] [--idle SECONDS]     ADDRESS is 127.0.0.1 unless given
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, EVENTS = 256, MAX_FLOWS = 20000, TABLE = 1 << 16, FRONT = MAX_FLOWS };

struct flow {
  uint64_t key; /* client address and port; 0: free */
  struct sockaddr_in client;
  int fd;
  time_t used;
};

static struct flow flows[MAX_FLOWS];
static int32_t table[TABLE]; /* index of a flow + 1, linear probing; rebuilt by each sweep, so nothing is ever deleted */
static int next_free[MAX_FLOWS], free_count;
static struct mmsghdr messages[BATCH];
static struct iovec iov[BATCH];
static struct sockaddr_in names[BATCH];
static char control[BATCH][CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
static struct sockaddr_in backend;
static size_t slot;
static int front, epoll, idle_seconds = 1;
static bool gro;
static time_t now;
static uint64_t forwarded, dropped;
static volatile sig_atomic_t stopped;

static void stop(int signal) {
  (void)signal;
  stopped = 1;
}

static void check(int result, const char *what) {
  if (result >= 0) return;
  perror(what);
  exit(1);
}

static time_t clock_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return t.tv_sec;
}

static uint32_t slot_of(uint64_t key) { return (uint32_t)(key * 0x9e3779b97f4a7c15u >> 48); } /* Fibonacci hashing to 16 bits */

static void insert(int flow) {
  uint32_t at = slot_of(flows[flow].key);
  while (table[at] != 0) at = (at + 1) % TABLE;
  table[at] = flow + 1;
}

static int udp(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1;
  if (fd >= 0 && gro) check(setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on), "UDP_GRO");
  return fd;
}

static void watch(int fd, uint32_t id) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = id};
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static struct flow *flow_of(const struct sockaddr_in *client) {
  uint64_t key = (uint64_t)client->sin_addr.s_addr << 16 | client->sin_port;
  for (uint32_t at = slot_of(key); table[at] != 0; at = (at + 1) % TABLE) {
    if (flows[table[at] - 1].key == key) return &flows[table[at] - 1];
  }
  int fd = free_count > 0 ? udp() : -1;
  if (fd < 0) return NULL;
  check(connect(fd, (struct sockaddr *)&backend, sizeof backend), "connect");
  int index = next_free[--free_count];
  flows[index] = (struct flow){key, *client, fd, now};
  insert(index);
  watch(fd, (uint32_t)index);
  return &flows[index];
}

static void sweep(void) {
  memset(table, 0, sizeof table);
  for (int i = 0; i < MAX_FLOWS; i++) {
    if (flows[i].key == 0) continue;
    if (now - flows[i].used > idle_seconds) {
      close(flows[i].fd);
      flows[i].key = 0;
      next_free[free_count++] = i;
    } else {
      insert(i);
    }
  }
}

static int receive(int fd, bool named) {
  for (int i = 0; i < BATCH; i++) {
    struct msghdr *m = &messages[i].msg_hdr;
    iov[i].iov_len = slot;
    m->msg_name = named ? &names[i] : NULL, m->msg_namelen = named ? sizeof names[i] : 0;
    if (gro) m->msg_control = control[i], m->msg_controllen = sizeof control[i];
  }
  return recvmmsg(fd, messages, BATCH, 0, NULL);
}

/* Makes received message i one to be sent as it came: same bytes, same segments. */
static void turn(int i, struct sockaddr_in *to) {
  struct msghdr *m = &messages[i].msg_hdr;
  uint16_t segment = 0;
  iov[i].iov_len = messages[i].msg_len;
  m->msg_name = to, m->msg_namelen = to != NULL ? sizeof *to : 0;
  if (!gro) return;
  struct cmsghdr *c = CMSG_FIRSTHDR(m);
  if (c != NULL && c->cmsg_type == UDP_GRO) memcpy(&segment, CMSG_DATA(c), sizeof segment); /* the low half of an int: little endian */
  m->msg_controllen = 0;
  if (segment == 0 || segment >= messages[i].msg_len) return;
  c->cmsg_level = SOL_UDP, c->cmsg_type = UDP_SEGMENT, c->cmsg_len = CMSG_LEN(sizeof segment);
  memcpy(CMSG_DATA(c), &segment, sizeof segment);
  m->msg_controllen = CMSG_SPACE(sizeof segment);
}

static void send_run(int fd, int from, int end) {
  for (bool again = false; from < end;) {
    int sent = sendmmsg(fd, messages + from, (unsigned)(end - from), 0);
    if (sent > 0) {
      forwarded += (uint64_t)sent, from += sent, again = false;
    } else if (errno == ECONNREFUSED && !again) {
      again = true; /* an ICMP error for an earlier datagram; this one was not sent */
    } else {
      dropped++, from++, again = false;
    }
  }
}

static void requests(void) {
  int n = receive(front, true), start = 0;
  struct flow *current = NULL;
  for (int i = 0; i < n; i++) {
    struct flow *flow = flow_of(&names[i]);
    turn(i, NULL);
    if (flow != current) {
      if (current != NULL) send_run(current->fd, start, i);
      current = flow, start = i;
    }
    if (flow == NULL) dropped++, start = i + 1;
    else flow->used = now;
  }
  if (current != NULL) send_run(current->fd, start, n);
}

static void replies(struct flow *flow) {
  int n = receive(flow->fd, false);
  for (int i = 0; i < n; i++) turn(i, &flow->client);
  if (n > 0) flow->used = now;
  send_run(front, 0, n);
}

/* Port 0 where it is none. */
static struct sockaddr_in endpoint(const char *text) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  char host[INET_ADDRSTRLEN];
  const char *colon = strchr(text, ':');
  int port = atoi(colon == NULL ? text : colon + 1);
  if (colon != NULL) {
    snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    if (inet_pton(AF_INET, host, &at.sin_addr) != 1) return at;
  }
  if (port > 0 && port <= 65535) at.sin_port = htons((uint16_t)port);
  return at;
}

static void parse(int argc, char **argv) {
  bool good = argc >= 3;
  for (int i = 3; i < argc; i++) {
    if (strcmp(argv[i], "--gro") == 0) gro = true;
    else if (strcmp(argv[i], "--idle") == 0 && i + 1 < argc) idle_seconds = atoi(argv[++i]);
    else good = false;
  }
  if (good) backend = endpoint(argv[2]);
  if (!good || idle_seconds < 1 || endpoint(argv[1]).sin_port == 0 || backend.sin_port == 0) {
    fputs("relay [ADDRESS:]PORT [ADDRESS:]BACKEND-PORT [--gro] [--idle SECONDS]\n", stderr);
    exit(2);
  }
}

static void open_front(struct sockaddr_in at) {
  int bytes = 4 << 20;
  check(front = udp(), "socket");
  check(setsockopt(front, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), "SO_RCVBUF");
  check(setsockopt(front, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), "SO_SNDBUF");
  check(bind(front, (struct sockaddr *)&at, sizeof at), "bind");
  watch(front, FRONT);
}

int main(int argc, char **argv) {
  static struct epoll_event events[EVENTS];
  parse(argc, argv);
  slot = gro ? 65536 : 2048; /* a train shorter than its slot is cut */
  char *bytes = malloc(BATCH * slot);
  check(bytes == NULL ? -1 : 0, "malloc");
  for (int i = 0; i < BATCH; i++) {
    iov[i].iov_base = bytes + (size_t)i * slot;
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
  }
  for (int i = 0; i < MAX_FLOWS; i++) next_free[free_count++] = MAX_FLOWS - 1 - i;
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  check(epoll = epoll_create1(0), "epoll");
  open_front(endpoint(argv[1]));
  for (time_t swept = now = clock_seconds(); !stopped; now = clock_seconds()) {
    if (now > swept) sweep(), swept = now;
    int n = epoll_wait(epoll, events, EVENTS, 1000);
    for (int e = 0; e < n; e++) {
      if (events[e].data.u32 == FRONT) requests();
      else replies(&flows[events[e].data.u32]);
    }
  }
  fprintf(stderr, "relay: forwarded %lu, dropped %lu\n", forwarded, dropped);
  return 0;
}
