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

template <class M>
struct StreamLayer {
  Shape<M> shape;
  PackedForward<M> packed;
  SliceState<M> state;
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
        const Shape<M> shape(layers[i]);
        const PackedForward<M> packed = PackedForward<M>::take(carver, shape);
        const SliceState<M> state = SliceState<M>::take(carver, shape, batch, false);
        if (stream == nullptr) continue;
        all[i].shape = shape;
        all[i].packed = packed;
        all[i].state = state;
        packed.fill(shape, weights[i], 0, 1);
        state.begin(shape.cell, batch);
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
    const Rows rows = {1, batch, nullptr, nullptr, nullptr};
    const Stored* from = x;
    int64_t from_pitch = layers[0].shape.layer.input;
    for (int i = 0; i < count; ++i) {
      StreamLayer<M>& layer = layers[i];
      const Shape<M>& shape = layer.shape;
      // Two arrays by turns, since a tile that writes its units would overwrite the state that the next tile reads.
      Stored *now = layer.state.input[turn], *next = layer.state.input[1 - turn];
      for (int64_t r = 0; r < batch; ++r)
        memcpy(now + r * layer.state.pitch, from + r * from_pitch, sizeof(Stored) * (size_t)shape.layer.input);
      Step<M> step = {};
      step.shape = &shape;
      step.rows = &rows;
      step.input = now;
      step.pitch = layer.state.pitch;
      step.x_depth = shape.inputs;
      step.start = layer.packed.bias;
      step.cell = layer.state.cell;
      step.cell_pitch = layer.state.cell_pitch;
      step.cell_stride = layer.state.cell_stride;
      step.hidden = shape.layer.projection ? layer.state.unprojected : next + shape.inputs;
      step.hidden_pitch = shape.layer.projection ? layer.state.unprojected_pitch : layer.state.pitch;
      forward_layer<M>(step, layer.packed, layer.state, next, View{}, batch, turn != 0);
      from = next + shape.inputs;
      from_pitch = layer.state.pitch;
    }
    const int64_t P = layers[count - 1].shape.layer.outputs();
    for (int64_t r = 0; r < batch; ++r) memcpy(out + r * P, from + r * from_pitch, sizeof(Stored) * (size_t)P);
    turn = 1 - turn;
  }

  /// Copy a layer's states out of the stream, or with `in` into it. Every pointer may be null.
  void copy_state(int index, void* h, void* const* c, bool in) {
    const StreamLayer<M>& layer = layers[index];
    const int64_t P = layer.shape.layer.outputs(), H = layer.shape.layer.hidden;
    for (int64_t r = 0; r < batch; ++r) {
      Stored* hidden = layer.state.input[turn] + r * layer.state.pitch + layer.shape.inputs;
      exchange(hidden, h, r, P, in);
      for (int i = 0; i < layer.shape.cell.cells; ++i) exchange(layer.state.cell_row(i, r), c[i], r, H, in);
    }
  }

  /// Copy `count` values of the stream's to row r of `theirs`, or with `in` from there.
  static void exchange(Real* ours, void* theirs, int64_t r, int64_t count, bool in) {
    if (theirs == nullptr) return;
    Real* const row = (Real*)theirs + r * count;
    memcpy(in ? ours : row, in ? row : ours, sizeof(Real) * (size_t)count);
  }

  void reset() {
    for (int i = 0; i < count; ++i) {
      const StreamLayer<M>& layer = layers[i];
      for (auto* input : layer.state.input) memset(input, 0, sizeof(Stored) * (size_t)(batch * layer.state.pitch));
      if (layer.state.cell != nullptr)
        memset(layer.state.cell, 0, sizeof(Real) * (size_t)(batch * layer.state.cell_pitch));
      layer.state.begin(layer.shape.cell, batch);
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
