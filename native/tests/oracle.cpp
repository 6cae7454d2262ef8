#include "oracle.h"

#include <cmath>

namespace gatewise::testing {
namespace {

using Vector = std::vector<double>;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// log(exp(a) + exp(b)); either may be minus infinity.
double log_sum(double a, double b) { return std::fmax(a, b) + std::log1p(std::exp(-std::fabs(a - b))); }

Vector read(const Array& array, int64_t first, int64_t count, double absent = 0) {
  Vector values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) values[static_cast<size_t>(i)] = array.present() ? array.get(first + i) : absent;
  return values;
}

void write(Array& array, int64_t first, const Vector& values) {
  for (size_t i = 0; i < values.size(); ++i) array.set(first + static_cast<int64_t>(i), values[i]);
}

/// Parameters, or their gradients, as numbers; empty where absent.
struct Numbers {
  explicit Numbers(const Parameters& from)
      : W_ih(from.W_ih.values()), W_hh(from.W_hh.values()), b_ih(from.b_ih.values()), b_hh(from.b_hh.values()),
        W_hr(from.W_hr.values()) {}
  Vector W_ih, W_hh, b_ih, b_hh, W_hr;
};

/// Which of a vector of `width` row i of W sees: all of it, or what its head holds.
struct Sight {
  size_t heads = 1, hidden = 1;  // by default one head
  size_t seen(size_t width) const { return width / heads; }
  size_t first(size_t i, size_t width) const { return i % hidden / (hidden / heads) * seen(width); }
};

/// W v + b, with W [rows, v].
Vector multiply(const Vector& W, const Vector& b, int64_t rows, const Vector& v, Sight sight = {}) {
  Vector result(static_cast<size_t>(rows));
  const size_t seen = sight.seen(v.size());
  for (size_t i = 0; i < result.size(); ++i) {
    result[i] = b.empty() ? 0 : b[i];
    for (size_t k = 0; k < seen; ++k) result[i] += W[i * seen + k] * v[sight.first(i, v.size()) + k];
  }
  return result;
}

/// W' d, with W [d, columns].
Vector multiply_back(const Vector& W, const Vector& d, int64_t columns, Sight sight = {}) {
  Vector result(static_cast<size_t>(columns));
  const size_t seen = sight.seen(result.size());
  for (size_t i = 0; i < d.size(); ++i)
    for (size_t k = 0; k < seen; ++k) result[sight.first(i, result.size()) + k] += W[i * seen + k] * d[i];
  return result;
}

/// sum += d v'.
void add_outer(Vector& sum, const Vector& d, const Vector& v, Sight sight = {}) {
  const size_t seen = sight.seen(v.size());
  for (size_t i = 0; i < d.size(); ++i)
    for (size_t k = 0; k < seen; ++k) sum[i * seen + k] += d[i] * v[sight.first(i, v.size()) + k];
}

void add(Vector& sum, const Vector& values) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
}

/// One step of one row, kept for the way back.
struct Step {
  Vector x, h_before, before[max_cells], saved[max_saved], h;
};

/// One row of one direction.
class Row {
 public:
  Row(const Problem& problem, Result& result, const Numbers& parameters, Numbers& sums, int direction, int64_t r)
      : problem_(problem), c_(problem.c), in_(problem.in[direction]), out_(result.of[direction]), result_(result),
        parameters_(parameters), sums_(sums), direction_(direction), r_(r), b_(problem.plan.batch_row(r)),
        sight_{static_cast<size_t>(c_.heads), static_cast<size_t>(c_.hidden)}, of_x_(c_.split ? sight_ : Sight{}) {}

  void solve() {
    const auto length = static_cast<size_t>(problem_.plan.lengths[static_cast<size_t>(r_)]);
    std::vector<Step> steps(length);
    Vector h = read(in_.h0, b_ * c_.outputs(), c_.outputs()), c[max_cells];
    for (int i = 0; i < c_.cells(); ++i)
      c[i] = read(in_.c0[i], b_ * c_.hidden, c_.hidden, traits_of(c_.cell).starts[i]);
    for (size_t s = 0; s < length; ++s) forward(steps[s], time(s, length), h, c);
    write(out_.h_n, b_ * c_.outputs(), h);
    for (int i = 0; i < c_.cells(); ++i) write(out_.c_n[i], b_ * c_.hidden, c[i]);
    Vector d_h = read(in_.d_h_n, b_ * c_.outputs(), c_.outputs()), d_c[max_cells];
    for (int i = 0; i < max_cells; ++i) d_c[i] = read(in_.d_c_n[i], b_ * c_.hidden, c_.hidden);
    for (size_t s = length; s-- > 0;) backward(steps[s], time(s, length), d_h, d_c);
    write(out_.d_h0, b_ * c_.outputs(), d_h);
    for (int i = 0; i < c_.cells(); ++i) write(out_.d_c0[i], b_ * c_.hidden, d_c[i]);
  }

 private:
  int64_t time(size_t s, size_t length) const { return static_cast<int64_t>(direction_ ? length - 1 - s : s); }

  void forward(Step& step, int64_t t, Vector& h, Vector (&c)[max_cells]) {
    const auto H = static_cast<size_t>(c_.hidden);
    const Numbers& p = parameters_;
    step.x = read(problem_.x.array, problem_.x.place(problem_.plan, t, r_), problem_.x.width);
    step.h_before = h;
    for (int i = 0; i < max_cells; ++i) step.before[i] = c[i];
    Vector Wx = c_.input > 0 ? multiply(p.W_ih, p.b_ih, c_.gates() * c_.hidden, step.x, of_x_) : step.x;
    if (c_.input == 0 && c_.bias) add(Wx, p.b_ih);
    const Vector Rh = multiply(p.W_hh, p.b_hh, c_.gates() * c_.hidden, h, sight_);
    for (Vector& saved : step.saved) saved.resize(H);
    Vector cell_out(H);
    for (size_t u = 0; u < H; ++u) {
      const auto pre = [&](size_t gate) { return Wx[gate * H + u] + Rh[gate * H + u]; };
      Vector* const s = step.saved;
      if (c_.cell == Cell::lstm) {
        s[0][u] = sigmoid(pre(0)), s[1][u] = sigmoid(pre(1)), s[2][u] = std::tanh(pre(2)), s[3][u] = sigmoid(pre(3));
        c[0][u] = s[4][u] = s[1][u] * c[0][u] + s[0][u] * s[2][u];
        cell_out[u] = s[3][u] * std::tanh(c[0][u]);
      } else if (c_.cell == Cell::gru) {
        s[0][u] = sigmoid(pre(0)), s[1][u] = sigmoid(pre(1)), s[3][u] = Rh[2 * H + u];
        s[2][u] = std::tanh(Wx[2 * H + u] + s[0][u] * s[3][u]);
        cell_out[u] = (1 - s[1][u]) * s[2][u] + s[1][u] * h[u];
      } else if (traits_of(c_.cell).cells == 2) {
        double forget = pre(1), slope = 1;  // log f and its derivative
        if (c_.cell != Cell::slstm_exponential) {
          const double least = c_.cell == Cell::slstm_clamped ? std::fmin(forget, 15) : forget;
          slope = forget > least ? 0 : sigmoid(-forget);
          forget = -log_sum(0, -least);
        }
        const double kept = c[1][u] + forget;
        s[0][u] = sigmoid(kept - pre(0)), s[1][u] = sigmoid(pre(0) - kept);
        s[2][u] = std::tanh(pre(2)), s[3][u] = sigmoid(pre(3)), s[4][u] = slope;
        c[0][u] = s[5][u] = s[0][u] * c[0][u] + s[1][u] * s[2][u];
        c[1][u] = s[6][u] = log_sum(kept, pre(0));
        cell_out[u] = s[3][u] * c[0][u];
      } else {
        cell_out[u] = c_.cell == Cell::rnn_tanh ? std::tanh(pre(0)) : std::fmax(pre(0), 0);
      }
    }
    h = c_.projection ? multiply(p.W_hr, {}, c_.projection, stored(cell_out)) : cell_out;
    // The kernels go on from what they have stored, rounded to the type: so does the oracle.
    step.h = h = round_trip(result_.out, direction_, t, h);
    for (size_t k = 0; k < out_.saved.size(); ++k)
      step.saved[k] = round_trip(out_.saved[k], 0, t, step.saved[k]);
  }

  /// Write values, and go on with what could be kept of them.
  Vector round_trip(Sequence& to, int part, int64_t t, const Vector& values) {
    const int64_t place = to.place(problem_.plan, t, r_, part);
    write(to.array, place, values);
    return read(to.array, place, to.width);
  }

  Vector stored(const Vector& values) const {
    Array kept(problem_.type, static_cast<int64_t>(values.size()));
    write(kept, 0, values);
    return read(kept, 0, kept.size());
  }

  Vector gradient_at_saved(size_t k, int64_t t) const {
    if (k >= in_.d_saved.size()) return {};
    const Sequence& given = in_.d_saved[k];
    return read(given.array, given.array.present() ? given.place(problem_.plan, t, r_) : 0, c_.hidden);
  }

  void backward(const Step& step, int64_t t, Vector& d_h, Vector (&d_c)[max_cells]) {
    const auto H = static_cast<size_t>(c_.hidden);
    const Numbers& p = parameters_;
    Numbers& sums = sums_;
    add(d_h, read(problem_.d_out.array, problem_.d_out.place(problem_.plan, t, r_, direction_), c_.outputs()));
    Vector d_cell = d_h, through(H);  // gradient of the cell's output; what reaches h past the products
    if (c_.projection) {
      Vector cell_out(H);
      for (size_t u = 0; u < H; ++u) cell_out[u] = step.saved[3][u] * std::tanh(step.saved[4][u]);
      add_outer(sums.W_hr, d_h, cell_out);
      d_cell = multiply_back(p.W_hr, d_h, c_.hidden);
    }
    Vector d_saved[max_saved], d_Wx(static_cast<size_t>(c_.gates()) * H);
    for (size_t k = 0; k < max_saved; ++k) d_saved[k] = gradient_at_saved(k, t);
    Vector d_Rh = d_Wx;
    for (size_t u = 0; u < H; ++u) {
      const auto s = [&](size_t k) { return step.saved[k][u]; };
      const auto set = [&](size_t gate, double x, double h) { d_Wx[gate * H + u] = x, d_Rh[gate * H + u] = h; };
      const auto both = [&](size_t gate, double d) { set(gate, d, d); };
      if (c_.cell == Cell::lstm) {
        const double tanh_c = std::tanh(s(4));
        const double dc = d_c[0][u] + d_cell[u] * s(3) * (1 - tanh_c * tanh_c) + d_saved[4][u];
        both(0, (dc * s(2) + d_saved[0][u]) * s(0) * (1 - s(0)));
        both(1, (dc * step.before[0][u] + d_saved[1][u]) * s(1) * (1 - s(1)));
        both(2, (dc * s(0) + d_saved[2][u]) * (1 - s(2) * s(2)));
        both(3, (d_cell[u] * tanh_c + d_saved[3][u]) * s(3) * (1 - s(3)));
        d_c[0][u] = dc * s(1);
      } else if (c_.cell == Cell::gru) {
        const double dn = (d_cell[u] * (1 - s(1)) + d_saved[2][u]) * (1 - s(2) * s(2));
        both(0, (dn * s(3) + d_saved[0][u]) * s(0) * (1 - s(0)));
        both(1, (d_cell[u] * (step.h_before[u] - s(2)) + d_saved[1][u]) * s(1) * (1 - s(1)));
        set(2, dn, dn * s(0) + d_saved[3][u]);
        through[u] = d_cell[u] * s(1);
      } else if (traits_of(c_.cell).cells == 2) {
        const double du = d_c[0][u] + d_cell[u] * s(3) + d_saved[5][u], dl = d_c[1][u] + d_saved[6][u];
        const double d_keep = du * step.before[0][u] + d_saved[0][u], d_write = du * s(2) + d_saved[1][u];
        const double d_lead = s(0) * s(1) * (d_keep - d_write), d_kept = dl * s(0) + d_lead;
        both(0, dl * s(1) - d_lead);
        both(1, d_kept * s(4));
        both(2, (du * s(1) + d_saved[2][u]) * (1 - s(2) * s(2)));
        both(3, (d_cell[u] * s(5) + d_saved[3][u]) * s(3) * (1 - s(3)));
        d_c[0][u] = du * s(0);
        d_c[1][u] = d_kept;
      } else {
        const double h = step.h[u];
        both(0, d_cell[u] * (c_.cell == Cell::rnn_tanh ? 1 - h * h : h > 0));
      }
    }
    write(out_.d_x.array, out_.d_x.place(problem_.plan, t, r_),
          c_.input > 0 ? multiply_back(p.W_ih, d_Wx, problem_.x.width, of_x_) : d_Wx);
    d_h = multiply_back(p.W_hh, d_Rh, c_.outputs(), sight_);
    if (traits_of(c_.cell).carries_h) add(d_h, through);
    if (c_.input > 0) add_outer(sums.W_ih, d_Wx, step.x, of_x_);
    add_outer(sums.W_hh, d_Rh, step.h_before, sight_);
    if (c_.bias) add_outer(sums.b_ih, d_Wx, {1});
    if (c_.bias) add_outer(sums.b_hh, d_Rh, {1});
  }

  const Problem& problem_;
  const Case& c_;
  const DirectionIn& in_;
  DirectionOut& out_;
  Result& result_;
  const Numbers& parameters_;
  Numbers& sums_;
  int direction_;
  int64_t r_, b_;
  Sight sight_, of_x_;  // of h and x
};

}  // namespace

Result solve(const Problem& problem) {
  Result result(problem);
  for (int d = 0; d < problem.c.directions; ++d) {
    const Numbers parameters(problem.in[d].parameters);
    Numbers sums = parameters;
    for (Vector* sum : {&sums.W_ih, &sums.W_hh, &sums.b_ih, &sums.b_hh, &sums.W_hr}) sum->assign(sum->size(), 0);
    for (int64_t r = 0; r < problem.c.batch; ++r) Row(problem, result, parameters, sums, d, r).solve();
    Parameters& to = result.of[d].gradients;
    write(to.W_ih, 0, sums.W_ih);
    write(to.W_hh, 0, sums.W_hh);
    write(to.b_ih, 0, sums.b_ih);
    write(to.b_hh, 0, sums.b_hh);
    write(to.W_hr, 0, sums.W_hr);
  }
  return result;
}

}  // namespace gatewise::testing
