#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

volatile sig_atomic_t stopped;

_Noreturn void fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("load: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  exit(1);
}

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A process's CPU clock is utime + stime of /proc/PID/stat, of all its threads, in nanoseconds instead of ticks of 10 ms. */
static clockid_t clocks[16];
static int clock_count;

void cpu_of(const char *pids) {
  for (const char *at = pids; *at != '\0';) {
    char *end;
    long pid = strtol(at, &end, 10);
    if (pid <= 0 || clock_count == 16 || (*end != ',' && *end != '\0')) fail("--pid takes up to 16 ids, with commas: %s", pids);
    if (clock_getcpuclockid((pid_t)pid, &clocks[clock_count++]) != 0) fail("no process %ld", pid);
    at = *end == ',' ? end + 1 : end;
  }
}

static int core = -1;

void cpu_of_core(int number) { core = number; }

/* What a core did is the time it was not idle: the kernel's idle clock is exact, where its ticks of softirq time are samples. */
static uint64_t busy_ns(void) {
  char line[512], wanted[16];
  unsigned long long idle, waiting, hz = (unsigned long long)sysconf(_SC_CLK_TCK);
  FILE *stat = fopen("/proc/stat", "r");
  snprintf(wanted, sizeof wanted, "cpu%d ", core);
  while (stat != NULL && fgets(line, sizeof line, stat) != NULL) {
    if (strncmp(line, wanted, strlen(wanted)) != 0) continue;
    if (sscanf(line + strlen(wanted), "%*u %*u %*u %llu %llu", &idle, &waiting) != 2) break;
    fclose(stat);
    return now_ns() - (idle + waiting) * (1000000000u / hz);
  }
  fail("/proc/stat knows no core %d", core);
}

uint64_t cpu_ns(void) {
  uint64_t sum = 0;
  if (core >= 0) return busy_ns();
  for (int i = 0; i < clock_count; i++) {
    struct timespec t;
    if (clock_gettime(clocks[i], &t) != 0) fail("a process named by --pid has ended");
    sum += (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
  }
  return sum;
}

static void on_signal(int signal) {
  (void)signal;
  stopped = 1;
}

void stop_after(double seconds) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGALRM, &action, NULL);
  time_t whole = (time_t)seconds;
  struct itimerval timer = {.it_value = {whole, (suseconds_t)((seconds - (double)whole) * 1e6)}};
  setitimer(ITIMER_REAL, &timer, NULL);
}

void set_option(int fd, int level, int name, int value) {
  if (setsockopt(fd, level, name, &value, sizeof value) != 0) fail("setsockopt %d/%d: %s", level, name, strerror(errno));
}

int udp_socket(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) fail("socket: %s (see ulimit -n)", strerror(errno));
  return fd;
}

/* The generator's own buffers must never be what drops: as root, past net.core.rmem_max. */
static void big_buffers(int fd) {
  int bytes = 32 << 20;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) set_option(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0) set_option(fd, SOL_SOCKET, SO_SNDBUF, bytes);
}

int udp_bound(struct sockaddr_in at) {
  int fd = udp_socket();
  big_buffers(fd);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0) fail("bind %s:%d: %s", inet_ntoa(at.sin_addr), ntohs(at.sin_port), strerror(errno));
  return fd;
}

int udp_connected(struct sockaddr_in to) {
  int fd = udp_socket();
  big_buffers(fd);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) fail("connect: %s", strerror(errno));
  return fd;
}

struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* 198.18.0.0/15 is for measuring (RFC 2544) and routed nowhere; bench/run gives it to namespaces of its own. */
static bool harmless(uint32_t address) { return address >> 24 == 127 || address >> 17 == 0xc612u >> 1; }

struct sockaddr_in endpoint(const char *text) {
  struct sockaddr_in to = loopback(0);
  const char *colon = strchr(text, ':');
  char host[16] = "127.0.0.1", *end;
  if (colon != NULL) snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
  long port = strtol(colon == NULL ? text : colon + 1, &end, 10);
  bool good = inet_pton(AF_INET, host, &to.sin_addr) == 1 && harmless(ntohl(to.sin_addr.s_addr));
  if (!good || *end != '\0' || port < 1 || port > 65535) fail("not PORT, 127.x.x.x:PORT or 198.18.x.x:PORT: %s", text);
  to.sin_port = htons((uint16_t)port);
  return to;
}

int watch(int epoll, int fd, uint32_t id) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = id};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl: %s", strerror(errno));
  return fd;
}

void wait_events(int epoll, void *events, int max, uint64_t at_most_ns, int *ready) {
  struct timespec timeout = {(time_t)(at_most_ns / 1000000000u), (long)(at_most_ns % 1000000000u)};
  *ready = epoll_pwait2(epoll, events, max, &timeout, NULL);
  if (*ready < 0 && errno != EINTR) fail("epoll_pwait2: %s", strerror(errno));
}

struct batch *batch_new(int size, size_t slot) {
  struct batch *b = calloc(1, sizeof *b);
  char *bytes = malloc((size_t)size * slot);
  if (b == NULL || bytes == NULL) fail("out of memory");
  b->bytes = bytes, b->slot = slot, b->size = size;
  for (int i = 0; i < size; i++) {
    b->iov[i] = (struct iovec){bytes + (size_t)i * slot, slot};
    b->messages[i].msg_hdr = (struct msghdr){.msg_iov = &b->iov[i], .msg_iovlen = 1};
  }
  return b;
}

int batch_receive(struct batch *b, int fd, bool names, bool control) {
  for (int i = 0; i < b->size; i++) {
    struct msghdr *m = &b->messages[i].msg_hdr;
    b->iov[i].iov_len = b->slot;
    m->msg_name = names ? &b->names[i] : NULL, m->msg_namelen = names ? sizeof b->names[i] : 0;
    m->msg_control = control ? b->control[i] : NULL, m->msg_controllen = control ? sizeof b->control[i] : 0;
  }
  int n = recvmmsg(fd, b->messages, (unsigned)b->size, MSG_DONTWAIT, NULL);
  if (n >= 0) return n;
  /* ECONNREFUSED: an ICMP error for an earlier datagram; it shows as a loss. */
  if (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED) fail("recvmmsg: %s", strerror(errno));
  return 0;
}

int batch_segment(struct batch *b, int i) {
  struct msghdr *m = &b->messages[i].msg_hdr;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
    if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
      int segment;
      memcpy(&segment, CMSG_DATA(c), sizeof segment);
      return segment;
    }
  }
  return (int)b->messages[i].msg_len;
}

void batch_train(struct batch *b, int i, int segment) {
  struct msghdr *m = &b->messages[i].msg_hdr;
  uint16_t bytes = (uint16_t)segment; /* UDP_SEGMENT takes 16 bits where UDP_GRO gives 32 */
  m->msg_control = b->control[i], m->msg_controllen = CMSG_SPACE(sizeof bytes);
  struct cmsghdr *c = CMSG_FIRSTHDR(m);
  c->cmsg_level = SOL_UDP, c->cmsg_type = UDP_SEGMENT, c->cmsg_len = CMSG_LEN(sizeof bytes);
  memcpy(CMSG_DATA(c), &bytes, sizeof bytes);
}
