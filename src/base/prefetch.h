#pragma once

namespace tocsin {

// Ask for the line of the cache at an address, which need not be valid. Only ever this way: g++ 12
// takes a function that does nothing but __builtin_prefetch for one without effect and deletes the
// calls of it; the empty statement is an effect.
inline void PrefetchForRead(const void* at) {
  __builtin_prefetch(at, 0);
  asm volatile("");
}
inline void PrefetchForWrite(const void* at) {
  __builtin_prefetch(at, 1);
  asm volatile("");
}

}  // namespace tocsin
