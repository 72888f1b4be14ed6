// Threads as threads of the system, one each, behind shim.h: a program of its own for ThreadSanitizer, which runs one kernel
// once.
//
// Fibres find what goes wrong in the order that they run in; this finds what no barrier orders, whatever the order was. So
// nothing must order memory here that doesn't on a GPU: lanes of a warp and blocks wait for each other unseen.

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

// All of it in one place, so that the next block can have it as if it were new.
#define __shared__ __attribute__((section("workgroup"))) static

static thread_local uint3 threadIdx, blockIdx;
static uint3 gridDim;

extern "C" {
// Of ThreadSanitizer's runtime. What was waited for in between orders nothing.
void AnnotateIgnoreSyncBegin(const char* file, int line);
void AnnotateIgnoreSyncEnd(const char* file, int line);
// Nor do reads in between count.
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
// Memory that begins and ends to be an object: what was done there before is forgotten.
void __tsan_java_alloc(unsigned long address, unsigned long bytes);
void __tsan_java_free(unsigned long address, unsigned long bytes);
// Ends of the section, by the linker.
extern char __start_workgroup[], __stop_workgroup[];
}

// Of a function whose writes are no kernel's.
#define UNSEEN __attribute__((noinline, no_sanitize("thread")))

namespace host {

constexpr size_t STACK = 256 << 10;
// A block's threads stay until the last block is done, so that ThreadSanitizer takes no two of them for the same one.
constexpr unsigned long MOST_THREADS = 4096;
// A lane that never comes to its warp would be waited for without end.
constexpr unsigned MOST_SECS = 300;

// The linker's two names are there even if a kernel has no shared memory.
__attribute__((used)) __shared__ unsigned some_word;

// What a block's threads wait at. Of each block another one: what one block releases the next one must not acquire.
struct Block {
  uint3 place;
  unsigned threads;
  pthread_barrier_t all, done, warps[MAX_THREADS / WARP];
  // Where each thread waits. Sides alternate: who is one barrier ahead overwrites nothing that another still has to read.
  int lines[2][MAX_THREADS];
};

struct Thread {
  Block* block;
  unsigned number;
};

static Kernel kernel;
static void** pointers;
static unsigned* lengths;
static pthread_barrier_t the_end;
static unsigned slots[2][MAX_THREADS];
static thread_local Thread self;
static thread_local unsigned side, warp_side;

// The first error is the program's last word.
#define FAIL(...)                                                                                                   \
  do {                                                                                                              \
    static bool is_failing;                                                                                         \
    if (__atomic_exchange_n(&is_failing, true, __ATOMIC_SEQ_CST)) pause();                                          \
    fprintf(stderr, "%s, block (%u, %u, %u): ", kernel.name, blockIdx.x, blockIdx.y, blockIdx.z);                   \
    fprintf(stderr, __VA_ARGS__);                                                                                   \
    fputc('\n', stderr);                                                                                            \
    _exit(1);                                                                                                       \
  } while (0)

static void wait_unseen(pthread_barrier_t* barrier) {
  AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
  pthread_barrier_wait(barrier);
  AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
}

static __attribute__((noinline, cold)) void out_of_range(const char* what, unsigned index, unsigned length) {
  FAIL("thread %u: index %u of '%s', which has %u elements", self.number, index, what, length);
}

// Line 0 is the kernel's end, where a thread that has returned waits for the others.
static void barrier(int line) {
  side ^= 1;
  int* lines = self.block->lines[side];
  lines[self.number] = line;
  pthread_barrier_wait(&self.block->all);
  if (lines[0] != line) {
    FAIL("divergent barrier: thread 0 waits in line %d, thread %u in line %d", lines[0], self.number, line);
  }
}

static unsigned number() { return self.number; }

static unsigned next_side() { return warp_side ^= 1; }

static void wait_for_warp() { wait_unseen(&self.block->warps[self.number / WARP]); }

// Its slots are no memory of the kernel's.
static UNSEEN unsigned exchange(unsigned value, unsigned mask) {
  const unsigned of = next_side();
  slots[of][self.number] = value;
  wait_for_warp();
  return slots[of][self.number ^ mask];
}

static void* thread_main(void* of) {
  self = *static_cast<Thread*>(of);
  blockIdx = self.block->place;
  threadIdx = {self.number, 0, 0};
  char name[16];
  snprintf(name, sizeof name, "block %u:%u", self.block->place.x, self.number);
  pthread_setname_np(pthread_self(), name);
  kernel.body(pointers, lengths);
  barrier(0);
  wait_unseen(&self.block->done);
  wait_unseen(&the_end);
  return nullptr;
}

static void run_block(uint3 place) {
  Block* block = new Block{place, kernel.threads, {}, {}, {}, {}};
  pthread_barrier_init(&block->all, nullptr, kernel.threads);
  pthread_barrier_init(&block->done, nullptr, kernel.threads + 1);
  for (unsigned first = 0; first < kernel.threads; first += WARP) {
    const unsigned lanes = kernel.threads - first < WARP ? kernel.threads - first : WARP;
    pthread_barrier_init(&block->warps[first / WARP], nullptr, lanes);
  }
  const unsigned long begin = (unsigned long)__start_workgroup, bytes = __stop_workgroup - __start_workgroup;
  __tsan_java_alloc(begin, bytes);
  __tsan_java_free(begin, bytes);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  for (unsigned t = 0; t < kernel.threads; t++) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, thread_main, new Thread{block, t}) != 0) FAIL("no more threads");
  }
  wait_unseen(&block->done);
}

static void read_words(FILE* file, void* words, size_t bytes) {
  if (fread(words, 1, bytes, file) != bytes) FAIL("the file with its buffers ends too early");
}

// Runs a kernel. The file `from` has the grid, the number of parameters and of buffers, a buffer and a length for each
// parameter, bytes for each buffer, and the buffers; `to` gets the buffers as they are afterwards.
static int run(const Kernel& of, const char* from, const char* to) {
  kernel = of;
  alarm(MOST_SECS);
  FILE* file = fopen(from, "rb");
  if (file == nullptr) FAIL("%s can't be read", from);
  unsigned grid[3], counts[2];
  read_words(file, grid, sizeof grid);
  read_words(file, counts, sizeof counts);
  unsigned(*parameters)[2] = new unsigned[counts[0]][2];
  read_words(file, parameters, 8ul * counts[0]);
  unsigned* bytes = new unsigned[counts[1]];
  read_words(file, bytes, 4ul * counts[1]);
  void** buffers = new void*[counts[1]];
  for (unsigned i = 0; i < counts[1]; i++) {
    buffers[i] = aligned_alloc(16, bytes[i] + 16);
    read_words(file, buffers[i], bytes[i]);
  }
  fclose(file);
  pointers = new void*[counts[0]];
  lengths = new unsigned[counts[0]];
  for (unsigned i = 0; i < counts[0]; i++) {
    pointers[i] = buffers[parameters[i][0]];
    lengths[i] = parameters[i][1];
  }
  gridDim = {grid[0], grid[1], grid[2]};
  const unsigned long threads = 1ul * grid[0] * grid[1] * grid[2] * kernel.threads;
  if (kernel.threads > MAX_THREADS || threads > MOST_THREADS) FAIL("%lu threads are too many", threads);
  pthread_barrier_init(&the_end, nullptr, threads + 1);
  for (unsigned z = 0; z < grid[2]; z++) {
    for (unsigned y = 0; y < grid[1]; y++) {
      for (unsigned x = 0; x < grid[0]; x++) run_block({x, y, z});
    }
  }
  // Seen by nobody: they do nothing any more.
  wait_unseen(&the_end);
  file = fopen(to, "wb");
  if (file == nullptr) FAIL("%s can't be written", to);
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  for (unsigned i = 0; i < counts[1]; i++) fwrite(buffers[i], 1, bytes[i], file);
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  return fclose(file);
}

}  // namespace host
