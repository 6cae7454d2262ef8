// The native core's interface: one layer of a recurrent network over a whole sequence, in one or two
// directions, forward and backward. Plain pointers; no Python, no torch.
//
// Sizes: T steps, B rows, I inputs, H hidden units, G gates, P outputs of a step (P = H without a
// projection). "Real" is the type in which sums, states and gradients of parameters are kept: double
// for f64, float for f32 and bf16. "Stored" is the type of sequences and weights: double, float, or
// 16-bit bfloat16.
//
// Ownership: the caller owns every array and keeps it alive during the call; nothing is kept after it.
// Aliasing: arrays that are written overlap no other array. Alignment: that of the element suffices.
// Threads: every function may be called from several threads at a time; results do not depend, in any
// bit, on how many threads work on them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gatewise {

enum class Cell : int { lstm = 0, gru = 1, rnn_tanh = 2, rnn_relu = 3, slstm = 4, slstm_clamped = 5, slstm_exponential = 6 };
enum class Type : int { f32 = 0, f64 = 1, bf16 = 2 };

/// One layer's sizes. Where `input` is 0, x holds the products W_ih x of each step, G*H numbers in torch's order of gates,
/// and so does its gradient; there is no W_ih then. `projection` is P for an LSTM with a projection, else 0. With several heads, H / heads units each
/// that follow one another, a unit sees the old state of its own head alone; `heads` divides H, and there is no projection.
/// With `split` it sees its own head's part of x alone too: x has I numbers for each head, one head after the other.
struct Layer {
  Cell cell;
  Type type;
  int64_t input, hidden, projection;
  int64_t heads = 1;
  bool split = false;
  int64_t outputs() const { return projection ? projection : hidden; }
  int64_t width() const;  // of x: I, heads * I where it is split, or G*H
  int64_t seen() const { return heads > 1 ? hidden / heads : outputs(); }  // of h, by each unit
};

/// Which rows have which steps. Rows are counted longest first ("sorted rows"); `order` says where
/// sorted row r stands in the batch. A row of length n has steps 0 .. n-1, in both directions.
struct Rows {
  int64_t steps, batch;
  const int64_t* count;  // [T] sorted rows that have step t, never increasing; null: all B
  const int64_t* order;  // [B] place in the batch of sorted row r; null: r itself
  const int64_t* first;  // [T] packed data: where step t's row 0 stands; null: nothing is packed
};

/// A sequence of vectors whose elements are adjacent. Step t of sorted row r begins, in elements, at
///   packed:  (rows.first[t] + r) * row
///   padded:  t * step + rows.order[r] * row
/// Null data: the array is absent.
struct View {
  void* data;
  int64_t step, row;
  bool packed;
};

/// Parameters in torch's layout and gate order, contiguous, Stored. Null: absent.
struct Weights {
  const void *W_ih, *W_hh;  // [G*H, I] or null where I is 0; [G*H, P] or, with heads, [G*H, H / heads]
  const void *b_ih, *b_hh;  // [G*H]
  const void* W_hr;         // [P, H]
};

/// What the backward pass needs beside the output, and what the gates' record is made of.
///   LSTM: input, forget, candidate, output (Stored), cell (Real); each [T, B, H]
///   GRU:  reset, update, candidate, inner = R_n h + d_n (Stored)
///   RNN:  nothing: its output says it all
///   sLSTM: keep, write, candidate, output, slope = d log f / d f~ (Stored), cell u, level l (Real)
constexpr int max_saved = 7;

/// The states beside h: of the LSTM c, of the sLSTM the cell u and the level l. Those after the last are not looked at.
constexpr int max_cells = 2;

/// One direction of one layer, forward. States are [B, P] and [B, H], Real, in the batch's order. A row without
/// a step keeps its state: h_n is h0 and, backward, d_h0 is d_h_n.
struct Forward {
  bool reverse;
  Weights weights;
  View x, out;             // [T, B, width()], [T, B, P]
  const void *h0, *c0[max_cells];  // null: zeros, of a level minus infinity
  void *h_n, *c_n[max_cells];      // the state after each row's last step
  View saved[max_saved];   // of one layout; all absent: nothing is saved
};

/// One direction of one layer, backward. `out` and `saved` are what forward wrote. Gradients of
/// parameters and states are Real; of sequences Stored. Absent gradients that come in are zero, and
/// absent ones that go out are not computed. Steps outside a row are neither read nor written.
struct Backward {
  bool reverse;
  Weights weights;
  View x, out;
  const void *h0, *c0[max_cells];
  View saved[max_saved];
  View d_out;                   // gradient arriving at `out`
  View d_saved[max_saved];      // gradients arriving at the saved gates and cell (activated values), any
                                // layout; none is taken for inner and slope, which no record shows
  const void *d_h_n, *d_c_n[max_cells];  // [B, P], [B, H]
  View d_x;
  void *d_h0, *d_c0[max_cells];
  void *d_W_ih, *d_W_hh, *d_b_ih, *d_b_hh, *d_W_hr;  // torch's layout
  // A long sequence may come in segments, the last steps (in the direction's own order) first. Sums over
  // time then live in `sums`, of sums_bytes(), between the calls: `begin` clears them, `finish` writes the
  // gradients of the parameters. Every segment but the last in time is a multiple of chunk_steps()
  // steps long, counted from the direction's own start; the result is then the same, bit for bit.
  void* sums;                   // null: the whole sequence in this one call
  bool begin, finish;
};

/// Bytes of `Backward::sums`, and the step that segments are multiples of.
size_t sums_bytes(const Layer&);
int64_t chunk_steps(const Layer&, int64_t batch);

/// Run one or two directions, each its own Forward or Backward, with at most `threads` threads.
/// Throws std::bad_alloc when scratch memory is refused.
void forward(const Layer&, const Rows&, const Forward* directions, int count, int threads);
void backward(const Layer&, const Rows&, const Backward* directions, int count, int threads);

/// One step at a time, for small batches: weights packed once, states inside, nothing allocated.
/// A stack of layers in one direction. f32 and f64.
class Stream {
 public:
  Stream(const Layer* layers, const Weights* weights, int count, int64_t batch);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  void step(const void* x, void* out);              // [B, I] -> [B, P] of the last layer; contiguous
  void reset();                                     // states to what they begin with
  void get_state(int layer, void* h, void* const* c) const;  // [B, P]; max_cells of [B, H], those that the cell has
  void set_state(int layer, const void* h, const void* const* c);

 private:
  struct Impl;
  Impl* impl_;
};

/// Floating-point operations per second of multiply-adds in registers on `threads` threads at once: what no
/// kernel can exceed. Takes some milliseconds.
double peak_flops(Type, int threads);

/// The instruction sets of this build that this machine can run, best first, and the one in use:
/// the best, or the one that the environment variable GATEWISE_ISA names. Names: "avx512bf16", "avx512",
/// "avx2", "neon", "baseline". `isa()` throws std::runtime_error naming the choices for a bad one.
const char* isa();
int isa_count();
const char* isa_name(int index);

}  // namespace gatewise
