/// The network, factorised (FE) and joint, plain and with nested experts, written once over a Backend.
///
///     encode:  u8 tubelets -> rows -> router -> sorted rows -> blocks -> one output row [D] per item
///     predict: FE: nt output rows of a window -> temporal encoder -> logits;  joint: one output row ->
///     logits
///
/// An item is a tubelet (FE) or a clip of nt tubelets (joint). Not thread safe.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/model.h"
#include "engine/weights.h"

namespace mone {

struct VivitOptions {
  /// Compute q, out-projection and FFN of the last layer for class-token rows only (identity I5). Off: for
  /// tests.
  bool cls_shortcut = true;
};

class Vivit {
 public:
  /// Packs the weights into `backend`, which must outlive the network, as the model's file need not.
  Vivit(const Model& model, Backend& backend, const VivitOptions& options = {});
  /// The same weights with a workspace of its own, to run beside `other` on a lane of its backend
  /// (Backend::lane).
  Vivit(const Vivit& other, Backend& lane);

  /// Makes room for `items` items per call; encode() and predict() do not allocate up to that. Starts at 1.
  void reserve(int items);
  int max_items() const { return max_items_; }

  /// Tokens per expert at `budget`, smallest first; they sum to counted_rows(). A plain model always answers
  /// "all full".
  /// @throws ConfigError if budget is NaN or negative
  Counts counts(double budget) const;
  /// N of spec section 4: routed rows per item.
  int counted_rows() const { return rows_.counted; }
  int rows_per_item() const { return rows_.all; }
  int tubelets_per_item() const { return rows_.tubelets; }
  /// Rows that predict() wants per window: nt (FE) or 1 (joint).
  int rows_per_window() const { return rows_.window; }
  /// Memory for output rows in the backend, zeroed.
  std::unique_ptr<Buffer> make_rows(int rows) const;

  /// @param tubelets  [items * tubelets_per_item()]
  /// @param counts    [items], each summing to counted_rows()
  /// @param forced    u8 [items, counted_rows()] with those counts instead of the router's choice, or empty
  /// @param outputs   [items], written
  void encode(std::span<const PixelRef> tubelets, std::span<const Counts> counts,
              std::span<const std::uint8_t> forced, std::span<const RowRef> outputs);
  /// Of the last encode().
  const Routing& routing() const { return *routing_; }

  /// @param rows    [windows * rows_per_window()], each window in time order
  /// @param logits  f32 [windows, C], written
  void predict(std::span<const RowRef> rows, std::span<float> logits);

 private:
  struct Layer {
    std::unique_ptr<Norm> norm1, norm2;
    std::unique_ptr<Linear> qkv;    // [3D, D]; null in a last layer that only reads the class token
    std::unique_ptr<Linear> q, kv;  // [D, D], [2D, D], there
    std::unique_ptr<Linear> proj, fc1, fc2;
    float alpha = 0;
  };
  struct Encoder {
    std::vector<Layer> layers;
    std::unique_ptr<Norm> norm;
    int experts = 1;
  };
  /// What the backend has packed; read only from then on.
  struct Packed {
    std::unique_ptr<Embedding> embedding;
    std::unique_ptr<Router> router;
    Encoder encoder, temporal;
    std::unique_ptr<Buffer> temporal_pos;  // [temporal rows, D], class token added to row 0
    std::unique_ptr<Linear> head;
    bool alpha_zero = true;
  };
  /// Of one item.
  struct Rows {
    int tubelets, counted, all, window, temporal;
    ClsRow cls;
  };
  /// A batch on its way through the blocks.
  struct Batch {
    RowPlan* plan;
    const Routing* routing;
    Buffer *x, *u, *wide;  // residual rows [D]; operands [D]; operands [4D]
  };

  static Rows count_rows(const ModelConfig& config);
  std::shared_ptr<const Packed> pack(const Model& model) const;
  Encoder make_encoder(const Model& model, const std::string& prefix, int layers, int experts) const;
  void make_embedding(const Model& model, Packed& packed) const;
  void make_router(const Model& model, Packed& packed) const;
  void make_temporal(const Model& model, Packed& packed) const;

  void predict_window(std::span<const RowRef> rows, int windows, std::span<float> logits);
  void run(const Encoder& encoder, const Batch& batch, RowPlan& cls_plan, std::span<const RowRef> outputs);
  void attention(const Layer& layer, const Batch& batch);
  void cls_attention(const Layer& layer, const Batch& all, const Batch& cls);
  void feed_forward(const Layer& layer, const Batch& batch);
  Batch select_cls(const Batch& all, RowPlan& cls_plan);
  bool all_full(std::span<const Counts> counts) const;
  std::span<const int> encode_shape(std::span<const Counts> counts, bool ask_router);

  Backend& backend_;
  const VivitOptions options_;
  const bool fe_, cls_token_, routed_, gate_;
  const int width_, heads_, experts_, nt_;
  const Epilogue act_;
  const CapacityRule rule_;
  const Rows rows_;
  std::shared_ptr<const Packed> packed_;

  // Workspace for max_items_ items.
  int max_items_ = 0;
  RowPlan plan_, cls_plan_, temporal_plan_, temporal_cls_plan_;
  std::vector<Counts> temporal_counts_;
  std::vector<int> shape_;  // of a step, for Backend::begin_step
  std::vector<RowRef> window_refs_;
  std::unique_ptr<Routing> routing_, cls_routing_;
  std::unique_ptr<Buffer> raster_, x_, u_, wide_;     // all rows
  std::unique_ptr<Buffer> cls_x_, cls_u_, cls_wide_;  // class-token rows
  std::unique_ptr<Buffer> window_outputs_;            // [items, D]
};

}  // namespace mone
