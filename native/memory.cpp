#include "gatewise/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace gatewise {
namespace {

constexpr size_t line = 64, large_page = size_t(2) << 20, large = 2 * large_page;

struct Block {
  char* data;
  size_t size;
  uint64_t used;  // when it was given back
};

/// Large pages under memory that is about to be written for the first time.
void advise_large(char* data, size_t bytes) {
#ifdef MADV_HUGEPAGE
  madvise(data, bytes, MADV_HUGEPAGE);  // a refusal costs speed only
#else
  (void)data;
  (void)bytes;
#endif
}

/// From the system: in large pages where they help.
char* allocate(size_t size) {
  if (size < large) return static_cast<char*>(std::aligned_alloc(line, size));
  char* data = static_cast<char*>(mmap(nullptr, size + large_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (data == MAP_FAILED) return nullptr;
  const size_t before = (large_page - reinterpret_cast<uintptr_t>(data) % large_page) % large_page;
  if (before > 0) munmap(data, before);
  if (before < large_page) munmap(data + before + size, large_page - before);
  advise_large(data + before, size);
  return data + before;
}

void release(const Block& block) {
  if (block.size < large) {
    std::free(block.data);
  } else {
    munmap(block.data, block.size);
  }
}

size_t most_bytes() {
  static const size_t most = [] {
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
    const size_t all = pages > 0 && page > 0 ? static_cast<size_t>(pages) * static_cast<size_t>(page) : 0;
    return std::min(all / 8, size_t(1) << 30);
  }();
  return most;
}

/// Blocks kept to be used again. If the lock is taken, allocate from the system instead of waiting: a fork may have
/// copied a lock that nobody will ever release.
class Shelf {
 public:
  /// A kept block of at least `size` bytes and little more, or none.
  Block take(size_t size) {
    Block found{};
    if (in_use_.test_and_set(std::memory_order_acquire)) return found;
    Block* best = nullptr;
    for (Block& block : blocks_) {
      const bool fits = block.data != nullptr && block.size >= size && block.size - size <= size / 4;
      if (fits && (best == nullptr || block.size < best->size)) best = &block;
    }
    if (best != nullptr) {
      found = *best;
      *best = {};
      bytes_ -= found.size;
    }
    in_use_.clear(std::memory_order_release);
    return found;
  }

  void give(Block block) {
    if (block.size > most_bytes() || in_use_.test_and_set(std::memory_order_acquire)) return release(block);
#ifdef MADV_FREE
    if (block.size >= large) madvise(block.data, block.size, MADV_FREE);
#endif
    block.used = ++clock_;
    Block* const place = oldest(true);
    while (place->data != nullptr || bytes_ + block.size > most_bytes()) {
      Block* out = oldest(false);
      bytes_ -= out->size;
      release(*out);
      *out = {};
    }
    *place = block;
    bytes_ += block.size;
    in_use_.clear(std::memory_order_release);
  }

  void clear() {
    if (in_use_.test_and_set(std::memory_order_acquire)) return;
    for (Block& block : blocks_) {
      if (block.data != nullptr) release(block);
      block = {};
    }
    bytes_ = 0;
    in_use_.clear(std::memory_order_release);
  }

 private:
  /// The block that was given back first; with `or_empty` an empty place before that.
  Block* oldest(bool or_empty) {
    Block* found = nullptr;
    for (Block& block : blocks_) {
      if (block.data == nullptr) {
        if (or_empty) return &block;
      } else if (found == nullptr || block.used < found->used) {
        found = &block;
      }
    }
    return found;
  }

  Block blocks_[32] = {};
  size_t bytes_ = 0;
  uint64_t clock_ = 0;
  std::atomic_flag in_use_ = ATOMIC_FLAG_INIT;
};

Shelf shelf;

}  // namespace

Memory::Memory(size_t bytes) {
  const size_t unit = bytes >= large ? large_page : line;
  const size_t size = (bytes / unit + (bytes % unit != 0 || bytes == 0)) * unit;
  const Block found = shelf.take(size);
  data_ = found.data != nullptr ? found.data : allocate(size);
  size_ = found.data != nullptr ? found.size : size;
  if (data_ == nullptr) throw std::bad_alloc();
}

Memory::~Memory() { shelf.give({data_, size_, 0}); }

void release_memory() { shelf.clear(); }

}  // namespace gatewise
