/* Load generator and backends for measuring a UDP relay on one machine; see README.md. */
#include "load.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "load echo AT[,AT...] [SECONDS]          echoes datagrams; SECONDS is 60 unless given, for every backend\n"
    "load train-echo AT [SECONDS]            echoes trains as trains (UDP_GRO in, UDP_SEGMENT out)\n"
    "load sink AT [SECONDS]                  counts datagrams of `load oneway` and checks their order\n"
    "load faulty-echo AT [SECONDS]           drops, doubles, swaps and damages one in a hundred each, and counts them\n"
    "load many AT [OPTIONS]                  request and reply: --flows 1000 --size 200 --window 1\n"
    "load trains AT [OPTIONS]                the same in trains: --flows 10 --size 1200 --train 16 --window 32\n"
    "load oneway AT [OPTIONS]                bursts to a sink in this process: --sources 100 --size 200 --burst 4 --sink PORT --window 256;\n"
    "                                        without --sink to any sink, at --rate\n"
    "load setup AT [OPTIONS]                 each request from a new client: --window 64 --size 200 --count N\n"
    "load sends SOCKETS                      CPU us of send() on connected sockets and of sendto() on unconnected ones\n"
    "AT is PORT, 127.x.x.x:PORT, or 198.18.x.x:PORT in a network namespace. Also: --seconds 2 (at most 3600), --warm 0.3 (not counted), --rate DATAGRAMS-A-SECOND\n"
    "(paced, not closed), --burst N (paced: so many of one flow together), --pid PID[,PID...] (whose CPU time to report)\n"
    "or --core N (all that this core does); --each-second (CPU a datagram of every second, on its own line).\n"
    "Clients print one JSON line when they are done, backends on SIGTERM or when time is up.\n";

enum { FLOWS = 1, SIZE, WINDOW, TRAIN, BURST, SINK, SECONDS, WARM, RATE, COUNT, PID, CORE, EACH_SECOND };

static _Noreturn void misused(void) {
  fputs(usage, stderr);
  exit(2);
}

static double number(const char *name, const char *text, double least, double most) {
  char *end;
  double value = strtod(text, &end);
  if (*text == '\0' || *end != '\0' || !(value >= least && value <= most)) fail("--%s takes %g to %g, not %s", name, least, most, text);
  return value;
}

static void parse(int argc, char **argv, struct options *o) {
  static const struct option known[] = {
      {"flows", 1, NULL, FLOWS},     {"sources", 1, NULL, FLOWS}, {"size", 1, NULL, SIZE},   {"window", 1, NULL, WINDOW},
      {"train", 1, NULL, TRAIN},     {"burst", 1, NULL, BURST},   {"sink", 1, NULL, SINK},   {"seconds", 1, NULL, SECONDS},
      {"warm", 1, NULL, WARM},       {"rate", 1, NULL, RATE},     {"count", 1, NULL, COUNT}, {"pid", 1, NULL, PID},
      {"core", 1, NULL, CORE},       {"each-second", 0, NULL, EACH_SECOND},
      {NULL, 0, NULL, 0}};
  int index = 0;
  for (int option; (option = getopt_long(argc, argv, "", known, &index)) != -1;) {
    const char *name = option == '?' ? "" : known[index].name;
    switch (option) {
      case FLOWS: o->flows = (int)number(name, optarg, 1, 19000); break;
      case SIZE: o->size = (int)number(name, optarg, HEADER_BYTES, MAX_DATAGRAM); break;
      case WINDOW: o->window = (int)number(name, optarg, 1, 65536); break;
      case TRAIN: o->train = (int)number(name, optarg, 1, MAX_SEGMENTS); break;
      case BURST: o->burst = (int)number(name, optarg, 1, BATCH); break;
      case SINK: o->sink = (int)number(name, optarg, 1, 65535); break;
      case SECONDS: o->seconds = number(name, optarg, 0.1, 3600); break;
      case WARM: o->warm = number(name, optarg, 0, 60); break;
      case RATE: o->rate = number(name, optarg, 1, 1e7); break;
      case COUNT: o->count = (uint64_t)number(name, optarg, 1, 1e9); break;
      case PID: cpu_of(optarg); break;
      case CORE: cpu_of_core((int)number(name, optarg, 0, 1023)); break;
      case EACH_SECOND: o->each_second = true; break;
      default: misused();
    }
  }
  if (optind != argc) misused();
}

static void client(const char *command, int argc, char **argv) {
  struct options o = {.flows = 1000, .size = 200, .window = 1, .burst = 1, .seconds = 2, .warm = 0.3, .count = 100000000};
  bool trains = strcmp(command, "trains") == 0, oneway = strcmp(command, "oneway") == 0, setup = strcmp(command, "setup") == 0;
  if (!trains && !oneway && !setup && strcmp(command, "many") != 0) misused();
  if (trains) o.flows = 10, o.size = 1200, o.train = 16, o.window = 32;
  if (oneway) o.flows = 100, o.burst = 4, o.window = 256;
  if (setup) o.window = 64;
  parse(argc, argv, &o);
  o.target = endpoint(argv[0]);
  o.unheard = oneway && o.sink == 0;
  if (trains != (o.train > 0) || (!oneway && o.sink > 0) || (o.unheard && o.rate == 0)) misused();
  if (o.train * o.size > MAX_TRAIN_BYTES) fail("a train holds at most %d bytes", MAX_TRAIN_BYTES);
  if (o.window < o.train || (oneway && o.window < o.burst)) fail("--window holds not even one train or burst");
  if (setup) run_setup(&o);
  else run_clients(command, &o);
}

int main(int argc, char **argv) {
  if (argc < 3) misused();
  const char *command = argv[1];
  if (argc <= 4 && argv[2][0] != '-') {
    double seconds = argc == 4 && argv[3][0] != '-' ? number("seconds", argv[3], 0.1, 86400) : 60;
    if (strcmp(command, "echo") == 0) return run_echo(argv[2], seconds), 0;
    if (strcmp(command, "faulty-echo") == 0) return run_faulty_echo(argv[2], seconds), 0;
    if (strcmp(command, "train-echo") == 0) return run_train_echo(argv[2], seconds), 0;
    if (strcmp(command, "sink") == 0) return run_sink(argv[2], seconds), 0;
    if (strcmp(command, "sends") == 0) return run_sends((int)number("sockets", argv[2], 1, 4000)), 0;
  }
  client(command, argc - 2, argv + 2);
  return 0;
}
