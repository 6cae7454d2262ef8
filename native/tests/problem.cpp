#include "problem.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

namespace gatewise::testing {
namespace {

/// Nearest bfloat16, ties to even; NaN stays NaN.
uint16_t to_bf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (std::isnan(value)) return 0x7fc0;
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float from_bf16(uint16_t value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  std::memcpy(&result, &bits, 4);
  return result;
}

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  double uniform(double low, double high) {  // std's distributions differ between libraries
    return from_bf16(to_bf16(static_cast<float>(low + (high - low) * engine_() / 4294967296.0)));
  }
  int64_t below(int64_t end) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(end)); }
  void fill(Array& array, double scale) {
    for (int64_t i = 0; i < array.size(); ++i) array.set(i, uniform(-scale, scale));
  }
  void fill(Sequence& sequence, const RowPlan& plan, int parts, double scale) {
    for (int64_t t = 0; t < plan.rows.steps; ++t)
      for (int64_t r = 0; r < plan.rows.batch && plan.has(t, r); ++r)
        for (int part = 0; part < parts; ++part)
          for (int64_t k = 0; k < sequence.width; ++k)
            sequence.array.set(sequence.place(plan, t, r, part) + k, uniform(-scale, scale));
  }

 private:
  std::mt19937 engine_;
};

Parameters make_parameters(const Case& c, Type type) {
  const int64_t gates = c.gates() * c.hidden;
  Parameters made;
  if (c.input > 0) made.W_ih = Array(type, gates * c.input);
  made.W_hh = Array(type, gates * c.seen());
  if (c.bias) made.b_ih = Array(type, gates);
  if (c.bias) made.b_hh = Array(type, gates);
  if (c.projection) made.W_hr = Array(type, c.projection * c.hidden);
  return made;
}

}  // namespace

std::string Case::describe() const {
  std::string text(traits_of(cell).name);
  const auto add = [&](const char* name, int64_t value) { text += std::string(" ") + name + std::to_string(value); };
  add("T", steps), add("B", batch), add("I", input), add("H", hidden), add("P", projection), add("D", directions), add("heads", heads);
  text += std::string(bias ? " bias" : "") + (states ? " states" : "") + (lengths ? " lengths" : "") +
          (packed ? " packed" : "") + (split ? " split" : "") + (gate_gradients ? " gate-gradients" : "");
  add("seed", seed);
  return text;
}

Array::Array(Type element, int64_t size)
    : element_(element), size_(size), width_(element == Type::f64 ? 8 : element == Type::f32 ? 4 : 2) {
  bytes_.reset(new unsigned char[static_cast<size_t>((size + 1) * width_)]);
  for (int64_t i = 0; i < size; ++i) set(i, std::numeric_limits<double>::quiet_NaN());
}

void* Array::data(int64_t index) const { return bytes_ ? bytes_.get() + (index + 1) * width_ : nullptr; }

double Array::get(int64_t index) const {
  float single;
  uint16_t half;
  double value;
  switch (element_) {
    case Type::f32: return std::memcpy(&single, data(index), 4), single;
    case Type::bf16: return std::memcpy(&half, data(index), 2), from_bf16(half);
    default: return std::memcpy(&value, data(index), 8), value;
  }
}

void Array::set(int64_t index, double value) {
  const auto single = static_cast<float>(value);
  const uint16_t half = to_bf16(single);
  switch (element_) {
    case Type::f32: std::memcpy(data(index), &single, 4); break;
    case Type::bf16: std::memcpy(data(index), &half, 2); break;
    default: std::memcpy(data(index), &value, 8);
  }
}

std::vector<double> Array::values() const {
  std::vector<double> all(static_cast<size_t>(size_));
  for (int64_t i = 0; i < size_; ++i) all[static_cast<size_t>(i)] = get(i);
  return all;
}

bool Array::same_bytes(const Array& other) const {
  return size_ == other.size_ && std::memcmp(data(), other.data(), static_cast<size_t>(size_ * width_)) == 0;
}

RowPlan::RowPlan(const Case& c) : rows{c.steps, c.batch, nullptr, nullptr, nullptr} {
  Random random(c.seed + 7);
  const auto batch = static_cast<size_t>(c.batch);
  lengths.assign(batch, c.steps);
  if (c.lengths)
    for (auto& length : lengths) length = random.below(c.steps + 1);
  std::sort(lengths.rbegin(), lengths.rend());
  int64_t total = 0;
  for (int64_t t = 0; t < c.steps; ++t) {
    count.push_back(std::count_if(lengths.begin(), lengths.end(), [t](int64_t length) { return length > t; }));
    first.push_back(total);
    total += count.back();
  }
  order.resize(batch);
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = 1; i < batch; ++i)
    std::swap(order[i], order[static_cast<size_t>(random.below(static_cast<int64_t>(i) + 1))]);
  first.push_back(total);  // not the core's: where packed data ends
  if (c.lengths) rows.count = count.data();
  if (c.lengths || c.seed % 2) rows.order = order.data();
  if (c.packed) rows.first = first.data();
}

Sequence::Sequence(const Case& c, const RowPlan& plan, Type type, int64_t width_, int parts)
    : width(width_), row(width_ * parts + 3), step(row * c.batch), packed(c.packed) {
  const int64_t vectors = c.packed ? plan.first.back() : c.steps * c.batch;
  array = Array(type, vectors * row);
}

View Sequence::view(int part) const { return {array.data(part * width), step, row, packed}; }

int64_t Sequence::place(const RowPlan& plan, int64_t t, int64_t r, int part) const {
  const int64_t vector =
      packed ? (plan.first[static_cast<size_t>(t)] + r) * row : t * step + plan.batch_row(r) * row;
  return vector + part * width;
}

Weights Parameters::weights() const {
  return {W_ih.data(), W_hh.data(), b_ih.data(), b_hh.data(), W_hr.data()};
}

Problem::Problem(const Case& given, Type type_) : c(given), type(type_), plan(c) {
  Random random(c.seed);
  const int64_t states = c.batch * c.outputs(), cells = c.batch * c.hidden;
  const double scale = 1.5 / std::sqrt(static_cast<double>(c.hidden));
  x = Sequence(c, plan, type, c.layer(type).width());
  random.fill(x, plan, 1, 2);
  d_out = Sequence(c, plan, type, c.outputs(), c.directions);
  random.fill(d_out, plan, c.directions, 1);
  for (int d = 0; d < c.directions; ++d) {
    DirectionIn& one = in[d];
    one.parameters = make_parameters(c, type);
    for (Array* array : {&one.parameters.W_ih, &one.parameters.W_hh, &one.parameters.b_ih, &one.parameters.b_hh,
                         &one.parameters.W_hr})
      random.fill(*array, scale);
    if (c.states) {
      random.fill(one.h0 = Array(real(type), states), 1);
      for (int i = 0; i < c.cells(); ++i) random.fill(one.c0[i] = Array(real(type), cells), 1);
      random.fill(one.d_h_n = Array(real(type), states), 1);
      for (int i = 0; i < c.cells(); ++i) random.fill(one.d_c_n[i] = Array(real(type), cells), 1);
      for (int i = 0; i < c.cells(); ++i)  // some units hold nothing
        for (int64_t k = 0; std::isinf(traits_of(c.cell).starts[i]) && k < cells; k += 3)
          one.c0[i].set(k, traits_of(c.cell).starts[i]), one.c0[i - 1].set(k, 0);
    }
    for (int k = 0; k < c.saved(); ++k) {
      const bool cell = k >= traits_of(c.cell).stored();
      one.d_saved.emplace_back();
      if (k == traits_of(c.cell).unseen || !c.gate_gradients || (c.seed + static_cast<uint32_t>(k)) % 3 == 0) continue;  // some are absent
      random.fill(one.d_saved.back() = Sequence(c, plan, cell ? real(type) : type, c.hidden), plan, 1, 1);
    }
  }
}

Forward Problem::forward(int direction, const Result& result, bool save) const {
  const DirectionIn& from = in[direction];
  const DirectionOut& to = result.of[direction];
  Forward made{};
  made.reverse = direction == 1;
  made.weights = from.parameters.weights();
  made.x = x.view();
  made.out = result.out.view(direction);
  made.h0 = from.h0.data();
  made.h_n = to.h_n.data();
  for (int i = 0; i < max_cells; ++i) made.c0[i] = from.c0[i].data(), made.c_n[i] = to.c_n[i].data();
  for (size_t k = 0; save && k < to.saved.size(); ++k) made.saved[k] = to.saved[k].view();
  return made;
}

Backward Problem::backward(int direction, const Result& result) const {
  const DirectionIn& from = in[direction];
  const DirectionOut& to = result.of[direction];
  Backward made{};
  made.reverse = direction == 1;
  made.weights = from.parameters.weights();
  made.x = x.view();
  made.out = result.out.view(direction);
  made.h0 = from.h0.data();
  made.d_out = d_out.view(direction);
  for (size_t k = 0; k < to.saved.size(); ++k) {
    made.saved[k] = to.saved[k].view();
    made.d_saved[k] = from.d_saved[k].view();
  }
  made.d_h_n = from.d_h_n.data();
  for (int i = 0; i < max_cells; ++i) {
    made.c0[i] = from.c0[i].data();
    made.d_c_n[i] = from.d_c_n[i].data();
    made.d_c0[i] = to.d_c0[i].data();
  }
  made.d_x = to.d_x.view();
  made.d_h0 = to.d_h0.data();
  made.d_W_ih = to.gradients.W_ih.data();
  made.d_W_hh = to.gradients.W_hh.data();
  made.d_b_ih = to.gradients.b_ih.data();
  made.d_b_hh = to.gradients.b_hh.data();
  made.d_W_hr = to.gradients.W_hr.data();
  made.begin = made.finish = true;  // the whole sequence; the test of segments changes both
  return made;
}

Result::Result(const Problem& problem)
    : out(problem.c, problem.plan, problem.type, problem.c.outputs(), problem.c.directions) {
  const Case& c = problem.c;
  const Type sums = real(problem.type);
  for (int d = 0; d < c.directions; ++d) {
    DirectionOut& one = of[d];
    one.h_n = Array(sums, c.batch * c.outputs());
    one.d_h0 = Array(sums, c.batch * c.outputs());
    for (int i = 0; i < c.cells(); ++i) {
      one.c_n[i] = Array(sums, c.batch * c.hidden);
      one.d_c0[i] = Array(sums, c.batch * c.hidden);
    }
    for (int k = 0; k < c.saved(); ++k)
      one.saved.emplace_back(c, problem.plan, k >= traits_of(c.cell).stored() ? sums : problem.type, c.hidden);
    one.d_x = Sequence(c, problem.plan, problem.type, c.layer(problem.type).width());
    one.gradients = make_parameters(c, sums);
  }
}

std::vector<Result::Named> Result::arrays() const {
  std::vector<Named> all{{"out", &out.array}};
  for (const DirectionOut& one : of) {
    if (!one.h_n.present()) continue;
    for (size_t k = 0; k < one.saved.size(); ++k)
      all.push_back({"saved[" + std::to_string(k) + "]", &one.saved[k].array});
    const Parameters& to = one.gradients;
    const Named rest[] = {{"h_n", &one.h_n},       {"c_n", &one.c_n[0]},    {"l_n", &one.c_n[1]},
                          {"d_x", &one.d_x.array}, {"d_h0", &one.d_h0},     {"d_c0", &one.d_c0[0]},
                          {"d_l0", &one.d_c0[1]},  {"d_W_ih", &to.W_ih},
                          {"d_W_hh", &to.W_hh},    {"d_b_ih", &to.b_ih},    {"d_b_hh", &to.b_hh},
                          {"d_W_hr", &to.W_hr}};
    for (const Named& named : rest)
      if (named.array->present()) all.push_back(named);
  }
  return all;
}

}  // namespace gatewise::testing
