// core.h's functions: the table of kernels is picked once, and every call goes through it.
#include "dispatch.h"

#include "gatewise/threads.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#ifdef GATEWISE_WITH_baseline
extern const gatewise::Kernels gatewise_kernels_baseline;
#endif
#ifdef GATEWISE_WITH_neon
extern const gatewise::Kernels gatewise_kernels_neon;
#endif
#ifdef GATEWISE_WITH_avx2
extern const gatewise::Kernels gatewise_kernels_avx2;
#endif
#ifdef GATEWISE_WITH_avx512
extern const gatewise::Kernels gatewise_kernels_avx512;
#endif
#ifdef GATEWISE_WITH_avx512bf16
extern const gatewise::Kernels gatewise_kernels_avx512bf16;
#endif

namespace gatewise {
namespace {

#ifdef __x86_64__
[[maybe_unused]] bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

// x86-64-v4. The builtin asks the operating system too whether it keeps the wide registers.
[[maybe_unused]] bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

[[maybe_unused]] bool has_avx512bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }
#endif

std::vector<const Kernels*> detect() {
  std::vector<const Kernels*> found;
#ifdef GATEWISE_WITH_avx512bf16
  if (has_avx512bf16()) found.push_back(&gatewise_kernels_avx512bf16);
#endif
#ifdef GATEWISE_WITH_avx512
  if (has_avx512()) found.push_back(&gatewise_kernels_avx512);
#endif
#ifdef GATEWISE_WITH_avx2
  if (has_avx2()) found.push_back(&gatewise_kernels_avx2);
#endif
#ifdef GATEWISE_WITH_neon
  found.push_back(&gatewise_kernels_neon);
#endif
#ifdef GATEWISE_WITH_baseline
  found.push_back(&gatewise_kernels_baseline);
#endif
  return found;
}

const Kernels* choose() {
  const auto available = available_kernels();
  const char* wanted = std::getenv("GATEWISE_ISA");
  if (wanted == nullptr || *wanted == '\0') return available.front();
  std::string names;
  for (const Kernels* kernels : available) {
    if (std::string_view(wanted) == kernels->name) return kernels;
    names += (names.empty() ? "'" : ", '") + std::string(kernels->name) + "'";
  }
  throw std::runtime_error("GATEWISE_ISA is '" + std::string(wanted) +
                           "', which this machine or build does not have; write one of " + names +
                           ", or unset it to use the first.");
}

// Not a function's static: its guard could be held by a thread that a fork leaves behind.
std::atomic<const Kernels*> chosen{nullptr};

const Kernels& table() {
  const Kernels* kernels = chosen.load(std::memory_order_acquire);
  if (kernels == nullptr) {
    kernels = choose();
    chosen.store(kernels, std::memory_order_release);
  }
  return *kernels;
}

// Found while the library is loaded, when no other thread can be about.
const std::vector<const Kernels*> detected = detect();

}  // namespace

std::span<const Kernels* const> available_kernels() { return detected; }

size_t sums_bytes(const Layer& layer) { return table().sums_bytes(layer); }

int64_t chunk_steps(const Layer& layer, int64_t batch) { return table().chunk_steps(layer, batch); }

void forward(const Layer& layer, const Rows& rows, const Forward* directions, int count, int threads) {
  table().forward(layer, rows, directions, count, threads);
}

void backward(const Layer& layer, const Rows& rows, const Backward* directions, int count, int threads) {
  table().backward(layer, rows, directions, count, threads);
}

struct Stream::Impl {
  const Kernels& kernels;
  void* stream;
};

Stream::Stream(const Layer* layers, const Weights* weights, int count, int64_t batch)
    : impl_(new Impl{table(), nullptr}) {
  try {
    impl_->stream = impl_->kernels.stream_new(layers, weights, count, batch);
  } catch (...) {
    delete impl_;
    throw;
  }
}

Stream::~Stream() {
  impl_->kernels.stream_free(impl_->stream);
  delete impl_;
}

void Stream::step(const void* x, void* out) { impl_->kernels.stream_step(impl_->stream, x, out); }

void Stream::reset() { impl_->kernels.stream_reset(impl_->stream); }

void Stream::get_state(int layer, void* h, void* const* c) const {
  impl_->kernels.stream_get(impl_->stream, layer, h, c);
}

void Stream::set_state(int layer, const void* h, const void* const* c) {
  impl_->kernels.stream_set(impl_->stream, layer, h, c);
}

double peak_flops(Type type, int threads) {
  struct Work {
    const Kernels& kernels;
    Type type;
    int64_t rounds;
    std::atomic<int64_t> operations;
  };
  const auto measure = [&](int64_t rounds) {
    Work work{table(), type, rounds, 0};
    const auto begun = std::chrono::steady_clock::now();
    run_team(
        threads,
        [](void* context, int, int) {
          Work& work = *static_cast<Work*>(context);
          work.operations += static_cast<int64_t>(work.kernels.multiply_add(work.type, work.rounds));
        },
        &work);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    return static_cast<double>(work.operations) / took.count();
  };
  measure(1 << 16);  // wakes the threads
  return measure(1 << 20);
}

const char* isa() { return table().name; }

int isa_count() { return static_cast<int>(available_kernels().size()); }

const char* isa_name(int index) { return available_kernels()[static_cast<size_t>(index)]->name; }

}  // namespace gatewise
