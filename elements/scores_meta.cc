#include "elements/scores_meta.h"

#include "elements/glue/custom_meta.h"
#include "elements/glue/structure.h"
#include "engine/tubelet_format.h"

namespace mone {
namespace {
constexpr char kMeta[] = "GstMoneScoresMeta";
constexpr char kEvent[] = "mone-model";
}  // namespace

void write_scores(GstStructure* s, const ScoresMeta& m) {
  gst_structure_set(s, "region", G_TYPE_UINT, m.region, "x", G_TYPE_INT, m.box.x, "y", G_TYPE_INT, m.box.y,
                    "width", G_TYPE_INT, m.box.width, "height", G_TYPE_INT, m.box.height, "source-width",
                    G_TYPE_INT, m.source_width, "source-height", G_TYPE_INT, m.source_height, "window-start",
                    G_TYPE_UINT64, m.window_start, "window-end", G_TYPE_UINT64, m.window_end, "max-gap",
                    G_TYPE_UINT64, m.max_gap, "budget", G_TYPE_DOUBLE, m.budget, "realised", G_TYPE_DOUBLE,
                    m.realised, "rate", G_TYPE_DOUBLE, m.rate, "hop", G_TYPE_INT, m.hop, "missing",
                    G_TYPE_INT, m.missing, "warming", G_TYPE_BOOLEAN, m.warming, "mixed-rate", G_TYPE_BOOLEAN,
                    m.mixed_rate, "rate-out-of-range", G_TYPE_BOOLEAN, m.rate_out_of_range, nullptr);
  set_uint64(s, "upstream-id", m.upstream_id);
  set_bytes(s, "experts", m.experts);
}

ScoresMeta read_scores(const GstStructure* s) {
  ScoresMeta m;
  m.region = get_uint(s, "region");
  m.upstream_id = find_uint64(s, "upstream-id");
  m.box = {get_int(s, "x"), get_int(s, "y"), get_int(s, "width"), get_int(s, "height")};
  m.source_width = get_int(s, "source-width");
  m.source_height = get_int(s, "source-height");
  m.window_start = get_uint64(s, "window-start", 0);
  m.window_end = get_uint64(s, "window-end", 0);
  m.max_gap = get_uint64(s, "max-gap", 0);
  m.budget = get_double(s, "budget", 1);
  m.realised = get_double(s, "realised", 1);
  m.rate = get_double(s, "rate");
  m.hop = get_int(s, "hop", 1);
  m.missing = get_int(s, "missing");
  m.warming = get_bool(s, "warming");
  m.mixed_rate = get_bool(s, "mixed-rate");
  m.rate_out_of_range = get_bool(s, "rate-out-of-range");
  m.experts = get_bytes(s, "experts");
  return m;
}

const GstMetaInfo* register_scores_meta() {
  static const GstMetaInfo* const info = custom_meta(kMeta);
  return info;
}

void add_scores_meta(GstBuffer* buffer, const ScoresMeta& meta) {
  register_scores_meta();
  write_scores(gst_custom_meta_get_structure(gst_buffer_add_custom_meta(buffer, kMeta)), meta);
}

std::optional<ScoresMeta> get_scores_meta(GstBuffer* buffer) {
  register_scores_meta();
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, kMeta);
  if (!meta) return {};
  return read_scores(gst_custom_meta_get_structure(meta));
}

std::string ModelInfo::label(int index) const {
  const auto i = static_cast<std::size_t>(index);
  return i < labels.size() ? labels[i] : "class " + std::to_string(index);
}

ModelInfo model_info(const Engine& engine) {
  const ModelConfig& config = engine.model().config();
  ModelInfo info;
  info.labels = config.labels;
  info.model = engine.model().name();
  info.model_hash = engine.model().hash();
  info.backend = engine.backend();
  info.dtype = to_name(engine.dtype());
  info.grid_width = config.nw();
  info.grid_height = config.nh();
  info.experts = config.E;
  info.image_width = config.image_width;
  info.image_height = config.image_height;
  info.resize_short = config.resize_short;
  info.fit = to_name(config.fit);
  info.planes = to_name(config.planes);
  info.crop = to_name(config.crop);
  return info;
}

void write_model(GstStructure* s, const ModelInfo& m) {
  gst_structure_set(s, "model", G_TYPE_STRING, m.model.c_str(), "model-hash", G_TYPE_STRING,
                    m.model_hash.c_str(), "backend", G_TYPE_STRING, m.backend.c_str(), "dtype", G_TYPE_STRING,
                    m.dtype.c_str(), "grid-width", G_TYPE_INT, m.grid_width, "grid-height", G_TYPE_INT,
                    m.grid_height, "expert-count", G_TYPE_INT, m.experts, "image-width", G_TYPE_INT,
                    m.image_width, "image-height", G_TYPE_INT, m.image_height, "resize-short", G_TYPE_INT,
                    m.resize_short, "fit", G_TYPE_STRING, m.fit.c_str(), "planes", G_TYPE_STRING,
                    m.planes.c_str(), "crop", G_TYPE_STRING, m.crop.c_str(), nullptr);
}

ModelInfo read_model(const GstStructure* s) {
  ModelInfo m;
  m.model = get_string(s, "model");
  m.model_hash = get_string(s, "model-hash");
  m.backend = get_string(s, "backend");
  m.dtype = get_string(s, "dtype");
  m.grid_width = get_int(s, "grid-width");
  m.grid_height = get_int(s, "grid-height");
  m.experts = get_int(s, "expert-count", 1);
  m.image_width = get_int(s, "image-width");
  m.image_height = get_int(s, "image-height");
  m.resize_short = get_int(s, "resize-short");
  m.fit = get_string(s, "fit");
  m.planes = get_string(s, "planes");
  m.crop = get_string(s, "crop");
  return m;
}

GstEvent* new_model_event(const ModelInfo& m) {
  GstStructure* s = gst_structure_new_empty(kEvent);
  write_model(s, m);
  set_strings(s, "labels", m.labels);
  return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, s);
}

std::optional<ModelInfo> parse_model_event(GstEvent* event) {
  if (GST_EVENT_TYPE(event) != GST_EVENT_CUSTOM_DOWNSTREAM_STICKY || !gst_event_has_name(event, kEvent))
    return {};
  const GstStructure* s = gst_event_get_structure(event);
  ModelInfo m = read_model(s);
  m.labels = get_strings(s, "labels");
  return m;
}

}  // namespace mone
