#include <malloc.h>

#include <cstdio>
#include <exception>

#include "app/app.h"
#include "app/exit_code.h"

namespace {

// Buffers of batches are made in one thread and freed in another, which leaves an arena a thread
// full of holes: one arena takes a quarter less memory in `tocsin bench` at the same speed. Write
// batches of some megabytes come from it as well, instead of page faults at each commit.
void TuneAllocator() {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 16 << 20);
  mallopt(M_TRIM_THRESHOLD, 32 << 20);
}

}  // namespace

int main(int argc, char** argv) {
  TuneAllocator();
  try {
    return tocsin::RunApp(argc, argv);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "tocsin: internal error: %s\n", exception.what());
    return tocsin::kExitFailed;
  }
}
