#include "gatewise/scratch.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace gatewise {
namespace {

constexpr size_t line = 64, large_page = size_t(2) << 20;

// Blocks of calls that are over: memory that is used again costs no page faults. A few small ones are kept;
// whoever finds the list in use goes to the system, so that nobody waits (nor hangs after a fork).
struct Kept {
  char* data;
  size_t size;
};
constexpr int most_kept = 4;
constexpr size_t most_bytes = size_t(32) << 20;
Kept kept[most_kept] = {};
std::atomic_flag in_use = ATOMIC_FLAG_INIT;

/// A kept block of at least `size` bytes and at most four times that, or null.
Kept take_kept(size_t size) {
  Kept found = {nullptr, 0};
  if (in_use.test_and_set(std::memory_order_acquire)) return found;
  for (Kept& block : kept) {
    if (block.data == nullptr || block.size < size || block.size / 4 > size) continue;
    found = block;
    block = {nullptr, 0};
    break;
  }
  in_use.clear(std::memory_order_release);
  return found;
}

/// Keep a block in place of the smallest; returns what is to be freed.
char* keep(Kept own) {
  if (own.size > most_bytes || in_use.test_and_set(std::memory_order_acquire)) return own.data;
  Kept* smallest = &kept[0];
  for (Kept& block : kept)
    if (block.size < smallest->size) smallest = &block;
  char* out = own.data;
  if (smallest->size < own.size) {
    out = smallest->data;
    *smallest = own;
  }
  in_use.clear(std::memory_order_release);
  return out;
}

}  // namespace

void advise_large(void* data, size_t bytes) {
#ifdef __linux__
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(data) + large_page - 1) / large_page * large_page;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(data) + bytes) / large_page * large_page;
  if (bytes >= 2 * large_page && begin < end)
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // a refusal costs speed only
#else
  (void)data;
  (void)bytes;
#endif
}

Scratch::Scratch(size_t bytes) {
  const size_t unit = bytes >= 2 * large_page ? large_page : line;
  size_ = (bytes / unit + 1) * unit;
  const Kept found = take_kept(size_);
  data_ = found.data;
  if (data_ != nullptr) {
    size_ = found.size;
  } else {
    data_ = static_cast<char*>(std::aligned_alloc(unit, size_));
    if (data_ == nullptr) throw std::bad_alloc();
    advise_large(data_, size_);
  }
  std::memset(data_, 0, bytes);
}

Scratch::~Scratch() { std::free(keep({data_, size_})); }

}  // namespace gatewise
