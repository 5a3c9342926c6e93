#include "tests/load/cameras.h"

#include <gst/gst.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <span>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "elements/glue/gst_ptr.h"
#include "elements/scores_meta.h"
#include "elements/truth_meta.h"
#include "elements/tubelet_caps.h"
#include "elements/tubelet_meta.h"
#include "engine/budget/controller.h"
#include "engine/feed.h"
#include "engine/measuring.h"
#include "tests/load/scripts.h"

namespace mone::load {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr int kQueue = 3;  // tubelets that may wait before monevivit, as in moneclassify

double now() { return Seconds(Clock::now().time_since_epoch()).count(); }

/// Processor seconds so far of the threads whose names begin with `name`.
double processor_of(const std::string& name) {
  double ticks = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "stat");
    std::string line;
    if (!std::getline(file, line)) continue;  // it has just ended
    const auto open = line.find('('), close = line.rfind(')');
    if (line.compare(open + 1, name.size(), name) != 0) continue;
    std::istringstream rest(line.substr(close + 2));
    std::string field;
    for (int i = 3; i < 14; ++i) rest >> field;
    double user = 0, system = 0;
    rest >> user >> system;
    ticks += user + system;
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

/// One view: what left its monetubelet, and what came of it. Probes of two threads write it.
class View {
 public:
  View(const std::shared_ptr<Engine>& engine, const CameraOptions& options)
      : engine_(engine), options_(options), nt_(engine->model().config().nt()) {
    if (!options.adaptive) stream_ = engine->new_stream();
  }

  void frame(GstBuffer* buffer) { truth_ = get_truth_meta(buffer).value_or(TruthMeta{}); }

  void cut(GstBuffer* buffer) {
    const TubeletMeta meta = get_tubelet_meta(buffer).value_or(TubeletMeta{});
    const std::lock_guard lock(mutex_);
    Cut& cut = open_[GST_BUFFER_PTS(buffer)];
    cut.at = static_cast<double>(meta.cut_at) * 1e-9;
    cut.allowed = options_.latency_target > 0 ? options_.latency_target : meta.rate > 0 ? 1 / meta.rate : 1;
    cut.label = truth_.label_index;
    cut.clear = !truth_.in_transition && ++seen_ > nt_;
    ++tally_.arrived;
  }

  /// Scores of monevivit.
  void scores(GstBuffer* buffer) {
    const ScoresMeta meta = get_scores_meta(buffer).value_or(ScoresMeta{});
    const BufferMap map(buffer, GST_MAP_READ);
    const auto* logits = reinterpret_cast<const float*>(map.data());
    answer(GST_BUFFER_PTS(buffer), {logits, map.size() / sizeof(float)}, meta.budget, meta.realised,
           meta.hop);
  }

  /// A tubelet of the naive control.
  void run_naively(GstBuffer* buffer) {
    const TubeletMeta meta = get_tubelet_meta(buffer).value_or(TubeletMeta{});
    const Time end(static_cast<Time::rep>(GST_BUFFER_PTS(buffer)));
    const BufferMap map(buffer, GST_MAP_READ);
    const bool late = now() > static_cast<double>(meta.cut_at) * 1e-9 + 1 / meta.rate;
    if (late) return stream_->skip(end, end);
    const Prediction& p = stream_->push({{map.data(), map.size()}, end, end, meta.rate}, 1);
    answer(GST_BUFFER_PTS(buffer), p.logits, 1, 1, 1);
  }

  /// What has been counted since the last time.
  Tally take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(tally_, {});
  }

 private:
  struct Cut {
    double at = 0, allowed = 0;
    int label = 0;
    bool clear = false;
  };

  void answer(GstClockTime pts, std::span<const float> logits, double budget, double realised, int hop) {
    const double answered = now();
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(pts);
    if (found == open_.end()) return;
    const Cut cut = found->second;
    open_.erase(open_.begin(), std::next(found));  // those before it were skipped or not predicted
    const double latency = answered - cut.at;
    const bool on_time = latency <= cut.allowed;
    ++tally_.predicted;
    tally_.on_time += on_time;
    tally_.budget += budget;
    tally_.realised += realised;
    tally_.hop += hop;
    tally_.latency.push_back(latency);
    if (!cut.clear || !on_time) return;
    ++tally_.scored;
    tally_.right += std::max_element(logits.begin(), logits.end()) - logits.begin() == cut.label;
  }

  const std::shared_ptr<Engine> engine_;
  const CameraOptions& options_;
  const int nt_;
  std::unique_ptr<Stream> stream_;
  TruthMeta truth_;  // of the newest frame; of the thread that cuts
  int seen_ = 0;
  std::mutex mutex_;
  std::map<GstClockTime, Cut> open_;
  Tally tally_;
};

/// Calls `see` for every buffer that passes the pad.
template <void (View::*see)(GstBuffer*)>
void watch(GstElement* bin, const std::string& element, const char* pad_name, View& view) {
  const auto found = Owned<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin), element.c_str()));
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(found.get(), pad_name));
  gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo* info, gpointer data) {
        (static_cast<View*>(data)->*see)(GST_PAD_PROBE_INFO_BUFFER(info));
        return GST_PAD_PROBE_OK;
      },
      &view, nullptr);
}

std::string caps_of(const CameraOptions& o) {
  const int thousandths = static_cast<int>(o.fps * 1000 + .5);
  return "video/x-raw,format=I420,width=" + std::to_string(o.width) + ",height=" + std::to_string(o.height) +
         ",framerate=" + std::to_string(thousandths) + "/1000";
}

/// One camera and its views, as a pipeline of its own: each has its own start, so that they are not in step.
std::string line_of(const CameraOptions& o, int camera, int first, int views) {
  std::string line = "actiontestsrc name=camera is-live=true seed=" + std::to_string(kUnseen + camera) +
                     " ! " + caps_of(o) + " ! tee name=t";
  for (int v = first; v < first + views; ++v) {
    const std::string n = std::to_string(v);
    line += " t. ! monetubelet name=cut" + n + " ! queue leaky=downstream max-size-bytes=0 max-size-time=0 " +
            "max-size-buffers=" + std::to_string(o.adaptive ? kQueue : 1) + " ! ";
    line += o.adaptive ? "monevivit name=score" + n + " threads=" + std::to_string(o.threads) +
                             (o.model.empty() ? "" : " model=" + o.model) +
                             " utilisation=" + std::to_string(o.utilisation) + " ! "
                       : "capsfilter name=score" + n + " ! ";
    line += "fakesink sync=false async=false";
  }
  return line;
}

class Cameras {
 public:
  Cameras(const std::shared_ptr<Engine>& engine, const CameraOptions& options) : options_(options) {
    for (int first = 0, camera = 0; first < options.views; first += options.views_per_camera, ++camera) {
      const int views = std::min(options.views_per_camera, options.views - first);
      GError* error = nullptr;
      auto pipeline =
          Owned<GstElement>::adopt(gst_parse_launch(line_of(options, camera, first, views).c_str(), &error));
      if (error) {
        const std::string text = error->message;
        g_error_free(error);
        throw std::runtime_error("no pipeline: " + text + ". Is GST_PLUGIN_PATH set?");
      }
      gst_object_ref_sink(pipeline.get());
      for (int v = first; v < first + views; ++v) {
        views_.push_back(std::make_unique<View>(engine, options));
        View& view = *views_.back();
        const std::string n = std::to_string(v);
        watch<&View::frame>(pipeline.get(), "cut" + n, "sink", view);
        watch<&View::cut>(pipeline.get(), "cut" + n, "src", view);
        if (options.adaptive) {
          watch<&View::scores>(pipeline.get(), "score" + n, "src", view);
        } else {
          const auto filter =
              Owned<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), ("score" + n).c_str()));
          const auto caps = tubelet_caps(tubelet_format(engine->model().config()));
          g_object_set(filter.get(), "caps", caps.get(), nullptr);
          watch<&View::run_naively>(pipeline.get(), "score" + n, "sink", view);
        }
      }
      pipelines_.push_back(std::move(pipeline));
    }
  }
  ~Cameras() {
    for (auto& pipeline : pipelines_) gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }

  /// One after the other over the time of a tubelet, so that phases are spread.
  void start(double spread) {
    const auto began = Clock::now();
    for (std::size_t i = 0; i < pipelines_.size(); ++i) {
      const double at = spread * static_cast<double>(i) / static_cast<double>(pipelines_.size());
      std::this_thread::sleep_until(began + std::chrono::duration_cast<Clock::duration>(Seconds(at)));
      gst_element_set_state(pipelines_[i].get(), GST_STATE_PLAYING);
    }
  }
  Tally take() {
    Tally sum;
    for (auto& view : views_) sum.add(view->take());
    return sum;
  }
  /// Tubelets that no window has: lost in a queue or skipped.
  long skipped() const {
    long sum = 0;
    for (std::size_t v = 0; v < views_.size() && options_.adaptive; ++v) {
      const auto& pipeline = pipelines_[v / static_cast<std::size_t>(options_.views_per_camera)];
      const auto vivit = Owned<GstElement>::adopt(
          gst_bin_get_by_name(GST_BIN(pipeline.get()), ("score" + std::to_string(v)).c_str()));
      GstStructure* stats = nullptr;
      g_object_get(vivit.get(), "stats", &stats, nullptr);
      guint64 lost = 0, skipped = 0;
      gst_structure_get(stats, "lost", G_TYPE_UINT64, &lost, "skipped", G_TYPE_UINT64, &skipped, nullptr);
      gst_structure_free(stats);
      sum += static_cast<long>(lost + skipped);
    }
    return sum;
  }
  void throw_errors() const {
    for (const auto& pipeline : pipelines_) {
      const auto bus = Owned<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
      const auto message = Owned<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
      gst_bus_set_flushing(bus.get(), TRUE), gst_bus_set_flushing(bus.get(), FALSE);
      if (!message) continue;
      GError* error = nullptr;
      gst_message_parse_error(message.get(), &error, nullptr);
      const std::string text = error->message;
      g_error_free(error);
      throw std::runtime_error(text);
    }
  }

 private:
  const CameraOptions& options_;
  std::vector<std::unique_ptr<View>> views_;
  std::vector<Owned<GstElement>> pipelines_;  // go first
};

}  // namespace

void Tally::add(const Tally& o) {
  arrived += o.arrived;
  predicted += o.predicted;
  on_time += o.on_time;
  skipped += o.skipped;
  scored += o.scored;
  right += o.right;
  budget += o.budget;
  realised += o.realised;
  hop += o.hop;
  latency.insert(latency.end(), o.latency.begin(), o.latency.end());
}

CameraRun play_cameras(const std::shared_ptr<Engine>& engine, const CameraOptions& options) {
  gst_init(nullptr, nullptr);
  Cameras cameras(engine, options);
  cameras.start(1 / engine->model().config().rate_nominal);
  std::this_thread::sleep_for(Seconds(options.warm_up));
  cameras.take();
  CameraRun run;
  const long skipped = cameras.skipped();
  const double processor = processor_ms() / 1e3, drawing = processor_of("camera"), began = now();
  int ticks = 0;
  for (double second = 1; run.seconds < options.seconds - options.warm_up; ++second) {
    for (; now() < began + second; ++ticks) {
      std::this_thread::sleep_for(Seconds(.05));
      const ControllerView view = engine->load();
      run.slowness += view.scale;
      run.batch += view.batch;
    }
    cameras.throw_errors();
    const Tally of_it = cameras.take();
    run.tally.add(of_it);
    run.seconds = now() - began;
    if (options.every_second) options.every_second(run.seconds, of_it);
  }
  run.slowness = (run.slowness - 1) / ticks;
  run.batch = (run.batch - 1) / ticks;
  run.processor = processor_ms() / 1e3 - processor;
  run.drawing = processor_of("camera") - drawing;
  run.tally.skipped =
      options.adaptive ? cameras.skipped() - skipped : run.tally.arrived - run.tally.predicted;
  run.rate = static_cast<double>(run.tally.arrived) / run.seconds;
  return run;
}

}  // namespace mone::load
