// A model file from anyone: loading must succeed or fail with a reason, and what loads must run.
#include <cstdlib>

#include "engine/backend/reference/reference.h"
#include "engine/log.h"
#include "engine/model.h"
#include "engine/model_file.h"
#include "engine/vivit.h"

namespace {

using namespace mone;

class FuzzedModel : public Model {
 public:
  explicit FuzzedModel(const ModelFile& file) : file_(file) {}
  const ModelConfig& config() const override { return file_.config; }
  const Weights& weights() const override { return file_.weights; }
  const std::string& path() const override { return empty_; }
  const std::string& hash() const override { return empty_; }
  const std::string& name() const override { return empty_; }
  void release_pages() const override {}

 private:
  const ModelFile& file_;
  std::string empty_;
};

void run(const ModelFile& file) {
  const FuzzedModel model(file);
  const auto backend = kReferenceBackend.create({DType::kBf16});
  Vivit network(model, *backend);
  const std::vector<std::uint8_t> pixels(file.config.tubelet_bytes(), 100);
  const std::vector<PixelRef> tubelets(network.tubelets_per_item(), {pixels.data()});
  const auto rows = network.make_rows(1);
  const Counts counts = network.counts(0.5);
  const std::vector<RowRef> window(network.rows_per_window(), RowRef{rows.get(), 0});
  network.encode(tubelets, {&counts, 1}, {}, {window.data(), 1});
  std::vector<float> logits(file.config.C);
  network.predict(window, logits);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = parse_model_file({reinterpret_cast<const std::byte*>(data), size}, "fuzzed");
  if (!file && file.error().text.empty()) std::abort();  // a failure says why
  if (file) run(file.value());
  return 0;
}
