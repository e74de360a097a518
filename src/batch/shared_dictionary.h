#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "model/device_dictionary.h"

namespace tocsin {

// The codes that the dictionaries of several threads have in common. Threads: any; codes() is for
// when no thread translates any more.
class SharedDictionary {
 public:
  // `codes` has the common codes of the first entries of `local`; gives it those of the rest.
  void Translate(const DeviceDictionary& local, std::vector<std::uint32_t>& codes) {
    if (codes.size() == local.size()) return;
    const std::lock_guard lock(mutex_);
    for (auto code = static_cast<std::uint32_t>(codes.size()); code < local.size(); ++code) {
      codes.push_back(dictionary_.Encode(local.Decode(code)));
    }
  }

  // Keeps the others out while it lives.
  class Locked {
   public:
    explicit Locked(const SharedDictionary& shared)
        : lock_(shared.mutex_), dictionary_(shared.dictionary_) {}
    const DeviceDictionary* operator->() const { return &dictionary_; }
    const DeviceDictionary& operator*() const { return dictionary_; }

   private:
    std::unique_lock<std::mutex> lock_;
    const DeviceDictionary& dictionary_;
  };
  Locked Lock() const { return Locked(*this); }

  DeviceDictionary& codes() { return dictionary_; }
  const DeviceDictionary& codes() const { return dictionary_; }

 private:
  mutable std::mutex mutex_;
  DeviceDictionary dictionary_;
};

}  // namespace tocsin
