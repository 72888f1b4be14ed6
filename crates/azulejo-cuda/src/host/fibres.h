// Threads as fibres, behind shim.h.
//
// A block's threads are fibres of one thread of the host, which take turns wherever they wait for each other: at a
// barrier of the block, or for the other lanes of their warp. So a run is the same each time, barriers that not all
// threads reach are found, and so are indices out of range (the writer's checks end here).

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define __shared__ static

static uint3 threadIdx, blockIdx, gridDim;

#define UNSEEN

namespace host {

constexpr size_t STACK = 256 << 10;

// What a fibre waits for.
enum State : unsigned char { READY, AT_BARRIER, IN_WARP, DONE };

struct Fibre {
  jmp_buf context;
  ucontext_t start;
  char* stack;
  State state;
  bool is_started;
  unsigned parity;
  int line;
};

static Fibre fibres[MAX_THREADS];
static jmp_buf scheduler;
static unsigned current;
static unsigned slots[2][MAX_THREADS];

// The kernel that runs: its name, its call, and where errors go.
static const char* kernel;
static void (*body)(void* const*, const unsigned*);
static void* const* pointers;
static const unsigned* lengths;
static char* error;
static size_t error_bytes;
static bool has_failed;

// Back to the scheduler, until it goes on with this fibre.
static __attribute__((noinline)) void wait(State state) {
  Fibre& fibre = fibres[current];
  fibre.state = state;
  if (_setjmp(fibre.context) == 0) _longjmp(scheduler, 1);
}

static void fibre_main() {
  for (;;) {
    body(pointers, lengths);
    fibres[current].line = 0;
    wait(DONE);
  }
}

static __attribute__((noinline)) void resume(unsigned thread) {
  Fibre& fibre = fibres[thread];
  current = thread;
  threadIdx.x = thread;
  if (_setjmp(scheduler) != 0) return;
  if (fibre.is_started) _longjmp(fibre.context, 1);
  fibre.is_started = true;
  getcontext(&fibre.start);
  fibre.start.uc_stack.ss_sp = fibre.stack;
  fibre.start.uc_stack.ss_size = STACK;
  makecontext(&fibre.start, fibre_main, 0);
  setcontext(&fibre.start);
}

#define FAIL(...)                                                                                              \
  do {                                                                                                         \
    const int begin = snprintf(error, error_bytes, "%s, block (%u, %u, %u): ", kernel, blockIdx.x, blockIdx.y, \
                               blockIdx.z);                                                                    \
    if (begin > 0 && size_t(begin) < error_bytes) snprintf(error + begin, error_bytes - begin, __VA_ARGS__);   \
    has_failed = true;                                                                                         \
  } while (0)

static __attribute__((noinline, cold)) void out_of_range(const char* what, unsigned index, unsigned length) {
  FAIL("thread %u: index %u of '%s', which has %u elements", current, index, what, length);
  wait(DONE);
}

static void barrier(int line) {
  fibres[current].line = line;
  wait(AT_BARRIER);
}

// The thread's number in its block.
static unsigned number() { return current; }

// Sides alternate: a lane that is one exchange ahead overwrites nothing that another still has to read.
static unsigned next_side() { return fibres[current].parity ^= 1; }

static void wait_for_warp() {
  fibres[current].line = 0;
  wait(IN_WARP);
}

static unsigned exchange(unsigned value, unsigned mask) {
  const unsigned side = next_side();
  slots[side][current] = value;
  wait_for_warp();
  return slots[side][current ^ mask];
}

// Two threads of which one waits for the other in vain.
static void fail_divergent(unsigned threads) {
  const Fibre& first = fibres[0];
  unsigned other = 1;
  while (other + 1 < threads && fibres[other].state == first.state && fibres[other].line == first.line) other++;
  const char* const does[] = {"goes on", "waits in line", "waits for its warp", "has returned"};
  char lines[2][16] = {};
  for (unsigned i = 0; i < 2; i++) {
    const Fibre& fibre = fibres[i == 0 ? 0 : other];
    if (fibre.state == AT_BARRIER) snprintf(lines[i], sizeof lines[i], " %d", fibre.line);
  }
  FAIL("divergent barrier: thread 0 %s%s, thread %u %s%s", does[first.state], lines[0], other,
       does[fibres[other].state], lines[1]);
}

// Runs the threads of a warp until each waits for other warps or has returned.
static void run_warp(unsigned first, unsigned end, bool is_backward) {
  bool is_whole = end - first == WARP;
  do {
    for (unsigned i = 0; i < end - first && !has_failed; i++) {
      const unsigned t = is_backward ? end - 1 - i : first + i;
      if (fibres[t].state == READY) resume(t);
    }
    for (unsigned t = first; t < end; t++) is_whole &= fibres[t].state == IN_WARP;
    for (unsigned t = first; is_whole && t < end; t++) fibres[t].state = READY;
  } while (is_whole && !has_failed);
}

// Runs the threads of a block until all have returned. Between two barriers one warp is done before the next one
// begins, which shows what they would have to wait for; every other time in the opposite order.
static void run_block(unsigned threads) {
  for (unsigned t = 0; t < threads; t++) {
    fibres[t].state = READY;
    fibres[t].line = 0;
    fibres[t].parity = 0;
  }
  const unsigned warps = (threads + WARP - 1) / WARP;
  for (bool is_backward = blockIdx.x % 2 == 1;; is_backward = !is_backward) {
    for (unsigned i = 0; i < warps; i++) {
      const unsigned first = (is_backward ? warps - 1 - i : i) * WARP;
      run_warp(first, first + WARP < threads ? first + WARP : threads, is_backward);
      if (has_failed) return;
    }
    bool is_done = true, is_same = true;
    for (unsigned t = 0; t < threads; t++) {
      is_done &= fibres[t].state == DONE;
      is_same &= fibres[t].state == AT_BARRIER && fibres[t].line == fibres[0].line;
    }
    if (is_done) return;
    if (!is_same) return fail_divergent(threads);
    for (unsigned t = 0; t < threads; t++) fibres[t].state = READY;
  }
}

// Stacks with a page in front of each that nobody may touch.
static bool make_stacks(unsigned threads) {
  const size_t page = sysconf(_SC_PAGESIZE);
  for (unsigned t = 0; t < threads; t++) {
    if (fibres[t].stack != nullptr) continue;
    void* memory = mmap(nullptr, page + STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) != 0) return false;
    fibres[t].stack = static_cast<char*>(memory) + page;
  }
  return true;
}

// When the library is unloaded.
__attribute__((destructor)) static void free_stacks() {
  const size_t page = sysconf(_SC_PAGESIZE);
  for (const Fibre& fibre : fibres) {
    if (fibre.stack != nullptr) munmap(fibre.stack - page, page + STACK);
  }
}

// Runs a kernel; 0 if all is well, else what went wrong is in `text`.
static int launch(const Kernel& of, void* const* of_pointers, const unsigned* of_lengths, const unsigned* grid,
                  char* text, size_t text_bytes) {
  kernel = of.name;
  body = of.body;
  pointers = of_pointers;
  lengths = of_lengths;
  error = text;
  error_bytes = text_bytes;
  has_failed = false;
  gridDim = {grid[0], grid[1], grid[2]};
  if (of.threads > MAX_THREADS || !make_stacks(of.threads)) {
    FAIL("no stacks for %u threads", of.threads);
  }
  for (unsigned z = 0; z < grid[2] && !has_failed; z++) {
    for (unsigned y = 0; y < grid[1] && !has_failed; y++) {
      for (unsigned x = 0; x < grid[0] && !has_failed; x++) {
        blockIdx = {x, y, z};
        run_block(of.threads);
      }
    }
  }
  // Fibres that were left in the middle begin anew.
  for (unsigned t = 0; t < MAX_THREADS && has_failed; t++) fibres[t].is_started = false;
  return has_failed;
}

}  // namespace host
