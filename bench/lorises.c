/*
 * Slow and hostile clients of an HTTP server on 127.0.0.1, and nowhere else: --count connections that send a byte a second of a
 * request that never ends, each opened again a second after it was cut off, and --worse others that send fifty times a second
 * what no client should. Stops by itself. See loris, beside this.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_NS = 1000000000, HASTE_NS = 20000000, TICK_NS = 500000, LONG_LINE = 10000 };

static const char slow[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ";
static char long_line[LONG_LINE + 1];
static const char *const worse[] = {
    "GET /v1/status HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer guess\r\n\r\n",
    long_line,
    "PUT /v1/workers HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n{",
    "\x16\x03\x01\x02\x01\x01",
    "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
};

struct client {
  int fd; /* -1: none */
  bool greeted;
  const char *text;
  uint64_t due_ns;
};

static volatile sig_atomic_t stopped;
static struct sockaddr_in server;
static uint64_t opened, cut_off;

static void stop(int signal) {
  (void)signal;
  stopped = 1;
}

static _Noreturn void fail(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* From another address than whoever measures, or watches. */
static int client_socket(void) {
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
  if (fd < 0 || setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes) < 0) fail("lorises: socket");
  if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) fail("lorises: bind");
  return fd;
}

static void hang_up(struct client *c) {
  close(c->fd);
  c->fd = -1;
}

/* Whether the other side listens still; all it said is thrown away. */
static bool is_open(const struct client *c) {
  char said[4096];
  ssize_t n;
  while ((n = recv(c->fd, said, sizeof said, 0)) > 0) continue;
  return n < 0 && (errno == EAGAIN || errno == ENOTCONN);
}

static bool say(struct client *c, const char *text) { return send(c->fd, text, strlen(text), MSG_NOSIGNAL) >= 0 || errno == EAGAIN; }

static void turn(struct client *c) {
  bool patient = c->text == slow;
  if (c->fd >= 0 && !is_open(c)) {
    hang_up(c), cut_off++;
    if (patient) return; /* again in a second */
  }
  if (c->fd >= 0 && !patient) hang_up(c);
  if (c->fd < 0) {
    c->fd = client_socket(), c->greeted = false;
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) {
      hang_up(c);
      return;
    }
    opened++;
  }
  if (!say(c, c->greeted ? "x" : c->text) && errno != ENOTCONN) hang_up(c), cut_off++;
  else c->greeted = true;
}

static int number(const char *text, int most) {
  char *end;
  long value = strtol(text, &end, 10);
  if (*text == '\0' || *end != '\0' || value < 0 || value > most) {
    fprintf(stderr, "lorises PORT COUNT WORSE SECONDS, not %s\n", text);
    exit(2);
  }
  return (int)value;
}

int main(int argc, char **argv) {
  if (argc != 5) number("", 0);
  server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)number(argv[1], 65535)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int count = number(argv[2], 15000), others = number(argv[3], 1000), clients = count + others;
  signal(SIGTERM, stop), signal(SIGINT, stop);
  memset(long_line, 'x', LONG_LINE);
  memcpy(long_line, "GET /", 5);

  struct client *all = calloc((size_t)clients, sizeof *all);
  if (all == NULL) fail("lorises");
  uint64_t begin = now_ns(), end = begin + (uint64_t)number(argv[4], 3600) * 1000000000u;
  for (int i = 0; i < clients; i++) {
    const char *text = i < count ? slow : worse[(size_t)i % (sizeof worse / sizeof *worse)];
    all[i] = (struct client){.fd = -1, .text = text, .due_ns = begin + (uint64_t)PATIENCE_NS * (uint64_t)i / (uint64_t)clients};
  }
  for (uint64_t now = begin; !stopped && now < end; now = now_ns()) {
    for (struct client *c = all; c < all + clients; c++) {
      if (c->due_ns > now) continue;
      c->due_ns = now + (c->text == slow ? PATIENCE_NS : HASTE_NS);
      turn(c);
    }
    nanosleep(&(struct timespec){.tv_nsec = TICK_NS}, NULL);
  }
  printf("{\"opened\":%lu,\"cut_off\":%lu,\"seconds\":%.1f}\n", opened, cut_off, (double)(now_ns() - begin) / 1e9);
  return 0;
}
