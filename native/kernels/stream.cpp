// One step at a time: a stack of layers whose packed weights, states and scratch stay in one block.
#include "kernels_of_isa.h"

#ifdef GATEWISE_IS_WHOLE
#include "forward.h"

GATEWISE_BEGIN

extern template void forward_layer<F32>(const Step<F32>&, const PackedForward<F32>&, const SliceState<F32>&,
                                  F32::Stored*, const View&, int64_t, bool);
extern template void forward_layer<F64>(const Step<F64>&, const PackedForward<F64>&, const SliceState<F64>&,
                                  F64::Stored*, const View&, int64_t, bool);

namespace {

/// A layer, or one head of it: heads see nothing of one another.
template <class M>
struct StreamHead {
  PackedForward<M> packed;
  SliceState<M> state;
};

template <class M>
struct StreamLayer {
  Shape<M> whole, shape;  // of the layer, and of each of its heads
  StreamHead<M>* heads;
};

struct StreamBase {
  Type type;
  int count;
  int64_t batch, turn;  // which of the two [x | h] arrays holds the state
  gatewise::Scratch* memory;
};

template <class M>
struct Streamed : StreamBase {
  using Real = typename M::Real;
  using Stored = typename M::Stored;
  StreamLayer<M>* layers;

  static Streamed* make(const Layer* layers, const Weights* weights, int count, int64_t batch) {
    // Carved twice, first without memory to learn how much there must be: the sizes stand in one place.
    const auto carve = [&](Carver carver, Streamed* stream) {
      Streamed* self = carver.take<Streamed>(1);
      StreamLayer<M>* all = carver.take<StreamLayer<M>>(count);
      if (stream != nullptr) stream->layers = all;
      for (int i = 0; i < count; ++i) {
        const Shape<M> whole(layers[i]), shape = whole.of_head();
        StreamHead<M>* heads = carver.take<StreamHead<M>>(whole.heads);
        const PackedForward<M> packed = PackedForward<M>::take(carver, whole);
        if (stream != nullptr) {
          all[i] = {whole, shape, heads};
          packed.fill(whole, weights[i], 0, whole.blocks, 0, 1);
        }
        for (int64_t head = 0; head < whole.heads; ++head) {
          const SliceState<M> state = SliceState<M>::take(carver, shape, batch, false);
          if (stream == nullptr) continue;
          heads[head] = {packed.of_head(whole, head), state};
          state.begin(shape.cell, batch);
        }
      }
      return stream == nullptr ? (Streamed*)carver.used : self;
    };
    const size_t bytes = (size_t)carve({nullptr, 0}, nullptr);
    gatewise::Scratch* memory = new gatewise::Scratch(bytes);
    Streamed* stream = (Streamed*)memory->data();
    carve({memory->data(), 0}, stream);
    stream->type = layers[0].type;
    stream->count = count;
    stream->batch = batch;
    stream->turn = 0;
    stream->memory = memory;
    return stream;
  }

  void step(const Stored* x, Stored* out) {
    for (int i = 0; i < count; ++i) {
      StreamLayer<M>& layer = layers[i];
      for (int64_t head = 0; head < layer.whole.heads; ++head) {
        const SliceState<M>& state = layer.heads[head].state;
        const int64_t I = layer.shape.layer.input;
        for (int64_t r = 0; r < batch; ++r) {
          Stored* to = state.input[turn] + r * state.pitch;
          if (i == 0) {
            memcpy(to, x + r * I, sizeof(Stored) * (size_t)I);
          } else {
            hand_on(layers[i - 1], r, to);
          }
        }
        step_head(layer, layer.heads[head]);
      }
    }
    const StreamLayer<M>& last = layers[count - 1];
    for (int64_t r = 0; r < batch; ++r) hand_on(last, r, out + r * last.whole.layer.outputs());
    turn = 1 - turn;
  }

  void step_head(const StreamLayer<M>& layer, const StreamHead<M>& head) const {
    const Shape<M>& shape = layer.shape;
    const SliceState<M>& state = head.state;
    const Rows rows = {1, batch, nullptr, nullptr, nullptr};
    // Two arrays by turns, since a tile that writes its units would overwrite the state that the next tile reads.
    Stored *now = state.input[turn], *next = state.input[1 - turn];
    Step<M> step = {};
    step.shape = &shape;
    step.rows = &rows;
    step.count = batch;
    step.input = now;
    step.pitch = state.pitch;
    step.x_depth = shape.inputs;
    step.start = head.packed.bias;
    step.cell = state.cell;
    step.cell_pitch = state.cell_pitch;
    step.cell_stride = state.cell_stride;
    step.hidden = shape.layer.projection ? state.unprojected : next + shape.inputs;
    step.hidden_pitch = shape.layer.projection ? state.unprojected_pitch : state.pitch;
    forward_layer<M>(step, head.packed, state, next, View{}, batch, turn != 0);
  }

  /// Copy row r of what a layer has put out in this step.
  void hand_on(const StreamLayer<M>& layer, int64_t r, Stored* to) const {
    const int64_t each = layer.shape.layer.outputs();
    for (int64_t head = 0; head < layer.whole.heads; ++head) {
      const SliceState<M>& state = layer.heads[head].state;
      memcpy(to + head * each, state.input[1 - turn] + r * state.pitch + layer.shape.inputs, sizeof(Stored) * (size_t)each);
    }
  }

  /// Copy a layer's states out of the stream, or with `in` into it. Every pointer may be null.
  void copy_state(int index, void* h, void* const* c, bool in) {
    const StreamLayer<M>& layer = layers[index];
    const int64_t P = layer.shape.layer.outputs(), H = layer.shape.layer.hidden, heads = layer.whole.heads;
    for (int64_t head = 0; head < heads; ++head) {
      const SliceState<M>& state = layer.heads[head].state;
      for (int64_t r = 0; r < batch; ++r) {
        exchange(state.input[turn] + r * state.pitch + layer.shape.inputs, h, r * heads + head, P, in);
        for (int i = 0; i < layer.shape.cell.cells; ++i) exchange(state.cell_row(i, r), c[i], r * heads + head, H, in);
      }
    }
  }

  /// Copy `count` values of the stream's to `theirs`, whose part `r` they are, or with `in` from there.
  static void exchange(Real* ours, void* theirs, int64_t r, int64_t count, bool in) {
    if (theirs == nullptr) return;
    Real* const row = (Real*)theirs + r * count;
    memcpy(in ? ours : row, in ? row : ours, sizeof(Real) * (size_t)count);
  }

  void reset() {
    for (int i = 0; i < count; ++i) {
      for (int64_t head = 0; head < layers[i].whole.heads; ++head) {
        const SliceState<M>& state = layers[i].heads[head].state;
        for (auto* input : state.input) memset(input, 0, sizeof(Stored) * (size_t)(batch * state.pitch));
        if (state.cell != nullptr) memset(state.cell, 0, sizeof(Real) * (size_t)(batch * state.cell_pitch));
        state.begin(layers[i].shape.cell, batch);
      }
    }
  }
};

/// Call f with the stream as what it is.
template <class F>
void with(void* stream, const F& f) {
  if (((StreamBase*)stream)->type == Type::f64) f((Streamed<F64>*)stream); else f((Streamed<F32>*)stream);
}

}  // namespace

void* stream_new(const Layer* layers, const Weights* weights, int count, int64_t batch) {
  if (layers[0].type == Type::f64) return Streamed<F64>::make(layers, weights, count, batch);
  return Streamed<F32>::make(layers, weights, count, batch);
}
void stream_free(void* stream) { delete ((StreamBase*)stream)->memory; }
void stream_step(void* stream, const void* x, void* out) {
  if (((StreamBase*)stream)->type == Type::f64) {
    ((Streamed<F64>*)stream)->step((const double*)x, (double*)out);
  } else {
    ((Streamed<F32>*)stream)->step((const float*)x, (float*)out);
  }
}
void stream_reset(void* stream) {
  with(stream, [](auto* typed) { typed->reset(); });
}
void stream_get(const void* stream, int layer, void* h, void* const* c) {
  with((void*)stream, [&](auto* typed) { typed->copy_state(layer, h, c, false); });
}
void stream_set(void* stream, int layer, const void* h, const void* const* c) {
  with(stream, [&](auto* typed) { typed->copy_state(layer, (void*)h, (void* const*)c, true); });
}

GATEWISE_END

#endif
