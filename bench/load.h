/* What the parts of the load generator share. See README.md for what is measured. */
#ifndef LOAD_H
#define LOAD_H

#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { BATCH = 64, SEEN_BITS = 64, MAX_SEGMENTS = 64, MAX_TRAIN_BYTES = 65000 };

/* ---- payload.c: what a datagram carries, and what is found out from what comes back */

enum { HEADER_BYTES = 32, MAX_DATAGRAM = 2048 };

struct stamp {
  uint32_t check; /* over all below: a changed, mixed-up or cut datagram does not pass */
  uint32_t run;   /* which run of the generator sent it */
  uint32_t flow;
  uint32_t size;
  uint64_t seq;
  uint64_t sent_ns; /* for paced loads, when it was due: a late generator or a full socket counts as waiting time */
};

void payload_write(void *datagram, uint32_t run, uint32_t flow, uint64_t seq, uint32_t size, uint64_t sent_ns);
bool payload_read(const void *datagram, size_t size, struct stamp *stamp); /* false: not as it was written */

/* Counts of one direction, over all flows. */
struct counts {
  uint64_t received, lost, reordered, duplicated, corrupted, stray;
};

/* One flow's sequence as seen on arrival: `seen` has a bit for each of the 64 numbers before `next`. */
struct order {
  uint64_t next, seen;
};

/* Takes note of seq; false for one that had come before. A number more than 64 late counts as reordered, never as duplicated. */
bool order_take(struct order *order, uint64_t seq, struct counts *counts);

/* Latencies in 32 linear steps an octave (so at most 3.1 % wide), after HdrHistogram. */
struct histogram {
  uint64_t count, max_ns, steps[60 * 32];
};
void histogram_add(struct histogram *h, uint64_t ns);
double histogram_us(const struct histogram *h, double quantile);

/* ---- net.c: sockets, clocks, the contender's CPU */

uint64_t now_ns(void);
uint64_t cpu_ns(void); /* of the processes named by --pid, all their threads; or all that the core named by --core did */
void cpu_of(const char *pids);
void cpu_of_core(int core);
void stop_after(double seconds); /* `stopped` turns true then, and on SIGTERM and SIGINT */
extern volatile sig_atomic_t stopped;

int udp_socket(void);
int udp_bound(struct sockaddr_in at);
int udp_connected(struct sockaddr_in to);
void set_option(int fd, int level, int name, int value);
int watch(int epoll, int fd, uint32_t id);
void wait_events(int epoll, void *events, int max, uint64_t at_most_ns, int *ready);
struct sockaddr_in loopback(int port);
struct sockaddr_in endpoint(const char *text); /* PORT, or an address no network carries and :PORT; anything else ends the program */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Messages laid out once; `slot` bytes for each. */
struct batch {
  struct mmsghdr messages[BATCH];
  struct iovec iov[BATCH];
  struct sockaddr_in names[BATCH];
  char control[BATCH][64] __attribute__((aligned(8)));
  char *bytes;
  size_t slot;
  int size;
};
struct batch *batch_new(int size, size_t slot);
int batch_receive(struct batch *b, int fd, bool names, bool control); /* does not wait; 0 when there is nothing */
int batch_segment(struct batch *b, int i);                           /* segment size told by UDP_GRO, else the message's length */
void batch_train(struct batch *b, int i, int segment);               /* message i leaves as segments of this size */

/* ---- the commands */

struct options {
  struct sockaddr_in target;
  int flows, size, window, train, burst, sink;
  double seconds, warm, rate;
  uint64_t count;
  bool unheard; /* one-way, to a sink elsewhere */
  bool each_second;
};

void run_echo(const char *endpoints, double seconds);
void run_faulty_echo(const char *port, double seconds);
void run_train_echo(const char *port, double seconds);
void run_sink(const char *port, double seconds);
void run_clients(const char *name, const struct options *o);
void run_setup(const struct options *o);
void run_sends(int sockets);

#endif
