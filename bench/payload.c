/* A datagram is a stamp, then a slice of fixed noise chosen by flow and sequence number: any byte changed, lost or mixed up shows. */
#include "load.h"

#include <string.h>

static unsigned char noise[4096 + MAX_DATAGRAM];

__attribute__((constructor)) static void make_noise(void) {
  uint32_t x = 0x9e3779b9;
  for (size_t i = 0; i < sizeof noise; i++) {
    x ^= x << 13, x ^= x >> 17, x ^= x << 5; /* xorshift32, Marsaglia 2003 */
    noise[i] = (unsigned char)x;
  }
}

static const unsigned char *body_of(uint32_t flow, uint64_t seq) { return noise + (flow * 131 + seq * 7) % 4096; }

static uint32_t check_of(const struct stamp *s) {
  uint64_t h = ((uint64_t)s->run << 32 | s->flow) * 0x9e3779b97f4a7c15u;
  h = (h ^ h >> 29 ^ s->seq) * 0xbf58476d1ce4e5b9u;
  h = (h ^ h >> 32 ^ s->sent_ns) * 0x94d049bb133111ebu;
  return (uint32_t)(h ^ h >> 32) + s->size;
}

void payload_write(void *datagram, uint32_t run, uint32_t flow, uint64_t seq, uint32_t size, uint64_t sent_ns) {
  struct stamp s = {.run = run, .flow = flow, .size = size, .seq = seq, .sent_ns = sent_ns};
  s.check = check_of(&s);
  memcpy(datagram, &s, sizeof s);
  memcpy((char *)datagram + HEADER_BYTES, body_of(flow, seq), size - HEADER_BYTES);
}

bool payload_read(const void *datagram, size_t size, struct stamp *stamp) {
  _Static_assert(sizeof *stamp == HEADER_BYTES, "the stamp is the header");
  if (size < HEADER_BYTES || size > MAX_DATAGRAM) return false;
  memcpy(stamp, datagram, HEADER_BYTES);
  if (stamp->size != size || stamp->check != check_of(stamp)) return false;
  return memcmp((const char *)datagram + HEADER_BYTES, body_of(stamp->flow, stamp->seq), size - HEADER_BYTES) == 0;
}

bool order_take(struct order *order, uint64_t seq, struct counts *counts) {
  if (seq >= order->next) {
    uint64_t step = seq - order->next + 1;
    order->seen = step < SEEN_BITS ? order->seen << step | 1 : 1;
    order->next = seq + 1;
  } else {
    uint64_t late = order->next - 1 - seq;
    uint64_t bit = late < SEEN_BITS ? (uint64_t)1 << late : 0;
    if (order->seen & bit) {
      counts->duplicated++;
      return false;
    }
    order->seen |= bit;
    counts->reordered++;
  }
  counts->received++;
  return true;
}

void histogram_add(struct histogram *h, uint64_t ns) {
  int octave = ns < 32 ? 0 : 63 - __builtin_clzll(ns) - 4; /* 0 holds 0..31, 1 holds 32..63, 2 holds 64..127 in steps of 2 */
  uint64_t step = octave == 0 ? ns : (ns >> (octave - 1)) - 32;
  h->steps[octave * 32 + step]++;
  h->count++;
  if (ns > h->max_ns) h->max_ns = ns;
}

double histogram_us(const struct histogram *h, double quantile) {
  uint64_t rank = (uint64_t)(quantile * (double)h->count), below = 0;
  for (int i = 0; i < 60 * 32; i++) {
    below += h->steps[i];
    if (below <= rank) continue;
    int octave = i / 32;
    uint64_t upper = octave == 0 ? (uint64_t)i + 1 : ((uint64_t)(i % 32) + 33) << (octave - 1);
    return (double)(upper < h->max_ns ? upper : h->max_ns) / 1000;
  }
  return (double)h->max_ns / 1000;
}
