#include "pipeline/eval_run.h"

#include <algorithm>
#include <set>

#include "engine/cost.h"
#include "engine/tubeliser.h"
#include "pipeline/classify_report.h"
#include "pipeline/eval_control.h"
#include "pipeline/mean_logits.h"
#include "pipeline/seconds.h"
#include "pipeline/table.h"
#include "pipeline/video_file.h"

namespace mone {
namespace {

constexpr int kTop = 5;
constexpr Time kLongestGap = std::chrono::seconds(10);  // between two frames of one recording

int best_of(std::span<const float> scores, const std::vector<int>& labels) {
  return *std::max_element(labels.begin(), labels.end(), [&](int a, int b) {
    return scores[a] < scores[b] || (scores[a] == scores[b] && a > b);
  });
}

int best_of(std::span<const float> scores) {
  return static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

/// A setting while one video runs.
struct Lane {
  EvalSetting setting;
  std::unique_ptr<Stream> stream;
  std::unique_ptr<LabelTracker> tracker;
  std::vector<MeanLogits> means;  // of each event
  std::vector<TimedLabel> said;
  std::vector<std::uint8_t> experts;  // of a control, for this tubelet
  // Of this video, which counts only if it is read to its end:
  long predictions = 0;
  double realised = 0, gmac = 0;             // sums
  std::vector<std::pair<int, int>> windows;  // truth, answer
};

}  // namespace

const EvalPoint& EvalSet::dearest_point() const {
  const EvalPoint* best = &points.front();
  for (const EvalPoint& point : points)
    if (point.setting.chooser == Chooser::kRouter && point.setting.budget > best->setting.budget)
      best = &point;
  return *best;
}

class Evaluator::Impl {
 public:
  Impl(Engine& engine, const EvalManifest& manifest, const EvalOptions& options)
      : engine_(engine),
        config_(engine.model().config()),
        options_(options),
        random_(options.seed),
        maps_(engine.model(), options.maps) {
    result_.settings = settings_of(engine.model(), options);
    result_.warnings = left_out(engine.model(), options, result_.settings);
    result_.warnings.insert(result_.warnings.end(), manifest.warnings.begin(), manifest.warnings.end());
    const auto label = std::find(config_.labels.begin(), config_.labels.end(), options.background);
    background_ = label == config_.labels.end() ? -1 : static_cast<int>(label - config_.labels.begin());
    if (background_ < 0)
      result_.warnings.push_back("the model has no label '" + options.background +
                                 "', so every label is an action; --background says which one is no event");
    for (const EvalSetting& setting : result_.settings) {
      lanes_.push_back({setting, engine.new_stream(), nullptr, {}, {}, {}});
      if (setting.chooser == Chooser::kRouter) ++routed_;
    }
    choices_.resize(routed_);
    for (const std::string& name : manifest.sets) result_.sets.push_back(make_set(manifest, name));
  }

  void add(const EvalVideo& video, const std::function<void(double)>& on_progress) {
    EvalSet& set = *std::find_if(result_.sets.begin(), result_.sets.end(),
                                 [&](const EvalSet& s) { return s.name == video.set; });
    ++set.videos;
    std::string why;
    try {
      why = run(video, set, on_progress);
    } catch (const Error& error) {
      why = shown_name(video.path) + ": " + error.what();
    }
    if (why.empty()) return;
    ++set.failed;
    result_.failures.push_back(why);
  }

  const Evaluation& result() const { return result_; }

 private:
  EvalSet make_set(const EvalManifest& manifest, const std::string& name) const {
    EvalSet set;
    set.name = name;
    std::set<int> labels;
    for (const EvalVideo& video : manifest.videos) {
      if (video.set != name) continue;
      set.trimmed &= video.trimmed;
      for (const EvalEvent& event : video.events)
        if (event.truth >= 0) labels.insert(event.truth);
    }
    set.labels.assign(labels.begin(), labels.end());
    for (const EvalSetting& setting : result_.settings) {
      EvalPoint point;
      point.setting = setting;
      point.clips = point.windows = Confusion(config_.C);
      point.events = EventCounts(config_.C);
      set.points.push_back(std::move(point));
    }
    return set;
  }

  std::string run(const EvalVideo& video, EvalSet& set, const std::function<void(double)>& on_progress) {
    auto opened = VideoFile::open(video.path);
    if (!opened) return opened.error().text;
    VideoFile& file = *opened.value();
    for (Lane& lane : lanes_) {
      lane.stream->reset();
      lane.tracker = std::make_unique<LabelTracker>(config_.C, options_.policy);
      lane.means.assign(video.events.size(), {});
      lane.said.clear();
      lane.predictions = 0;
      lane.realised = lane.gmac = 0;
      lane.windows.clear();
    }
    const int truth = video.events[0].truth;
    maps_.start(shown_name(video.path), truth < 0 ? video.events[0].label : config_.labels[truth],
                file.duration());
    Tubeliser tubeliser(tubelet_format(config_), {.mode = options_.sampling});
    tubeliser.declare_frame_rate(file.frame_rate());
    double seconds = 0, watched = 0;
    Time last{};
    const auto on_tubelet = [&](const CutTubelet& tubelet) {
      for (Lane& lane : lanes_) {
        if (tubelet.restart) lane.stream->reset();
        if (tubelet.lost) lane.stream->skip(tubelet.begin, tubelet.end);
      }
      if (tubelet.lost) return;
      push(tubelet, video);
    };
    while (const VideoFile::Picture* picture = file.next()) {
      tubeliser.push(picture->frame, picture->time, file.frame_duration(), on_tubelet);
      seconds = std::max(seconds, to_seconds(picture->time + file.frame_duration()));
      // A recording joined of several jumps in its times, back or by years; nobody watched those.
      const Time step = picture->time - last;
      watched += to_seconds(step >= Time{} && step < kLongestGap ? step : file.frame_duration());
      last = picture->time;
      if (file.duration() > 0) on_progress(std::min(seconds / file.duration(), 1.0));
    }
    tubeliser.finish(on_tubelet);
    const std::string shown = shown_name(video.path);
    if (file.losses().any()) result_.warnings.push_back(shown + ": " + file.losses().text());
    if (!lanes_[0].predictions) return shown + ": too short for one prediction";
    finish(video, set, seconds, watched + to_seconds(file.frame_duration()));
    return "";
  }

  /// One tubelet through every lane: the router's first, whose choices some controls need.
  void push(const CutTubelet& tubelet, const EvalVideo& video) {
    std::vector<StreamPush> pushes;
    for (int i = 0; i < routed_; ++i)
      pushes.push_back({lanes_[i].stream.get(), tubelet.for_engine(), lanes_[i].setting.budget});
    engine_.push(pushes);
    for (int i = 0; i < routed_; ++i) take(lanes_[i], *pushes[i].prediction, video, tubelet.hop);
    maps_.see(tubelet, pushes);

    std::vector<StreamPush> forced;
    for (std::size_t i = routed_; i < lanes_.size(); ++i) {
      Lane& lane = lanes_[i];
      choose(lane, pushes);
      StreamPush one{lane.stream.get(), tubelet.for_engine(), lane.setting.budget};
      one.tubelet.experts = lane.experts;
      forced.push_back(one);
    }
    for (int i = 0; i < routed_; ++i) choices_[i].remember(pushes[i].prediction->experts, random_);
    if (forced.empty()) return;
    engine_.push(forced);
    for (std::size_t i = 0; i < forced.size(); ++i)
      take(lanes_[routed_ + i], *forced[i].prediction, video, tubelet.hop);
  }

  /// Sets lane.experts for this tubelet.
  void choose(Lane& lane, const std::vector<StreamPush>& routed) {
    if (lane.setting.chooser == Chooser::kUniform) {
      lane.experts.assign(config_.tokens(), static_cast<std::uint8_t>(lane.setting.expert));
      return;
    }
    int same = 0;
    while (lanes_[same].setting.budget != lane.setting.budget) ++same;
    const auto other = choices_[same].draw(random_);
    if (lane.setting.chooser == Chooser::kShuffled && !other.empty())
      lane.experts.assign(other.begin(), other.end());
    else  // also the very first tubelet, which has no other
      lane.experts = random_experts(routed[same].prediction->tokens_per_expert, random_);
  }

  /// Adds a prediction to what is known of its lane.
  void take(Lane& lane, const Prediction& p, const EvalVideo& video, Time hop) const {
    ++lane.predictions;
    lane.realised += p.realised;
    lane.gmac += step_gmac(config_, p.tokens_per_expert);
    const double middle = to_seconds(p.window_begin + (p.window_end - p.window_begin) / 2);
    const auto& state = lane.tracker->update(p.logits, p.window_begin, p.window_end, p.warming, hop);
    take_events(state.events, lane);
    for (std::size_t e = 0; e < video.events.size(); ++e) {
      const EvalEvent& event = video.events[e];
      if (!video.trimmed && (middle < event.begin || middle >= event.end)) continue;
      lane.means[e].add(p);
      if (event.truth >= 0 && !p.warming) lane.windows.emplace_back(event.truth, best_of(p.logits));
    }
  }

  void take_events(const std::vector<LabelEvent>& events, Lane& lane) const {
    for (const LabelEvent& event : events)
      if (event.kind == EventKind::kEnd && event.label != background_)
        lane.said.push_back({event.label, to_seconds(event.begin), to_seconds(event.end), event.score});
  }

  /// @param seconds  where the video's times end
  /// @param watched  how much video that was
  void finish(const EvalVideo& video, EvalSet& set, double seconds, double watched) {
    set.seconds += watched;
    std::vector<TimedLabel> happened;
    for (std::size_t e = 0; e < video.events.size(); ++e) {
      const EvalEvent& event = video.events[e];
      if (event.truth >= 0 && lanes_[0].means[e].empty())
        result_.warnings.push_back(
            shown_name(video.path) + ": " + event.label + " from " + fixed(event.begin, 2) +
            " s: no prediction's window has its middle in it, so no answer to it counts");
      if (event.truth >= 0 && event.truth != background_ && event.begin < seconds)
        happened.push_back({event.truth, event.begin, std::min(event.end, seconds), 0});
    }
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      Lane& lane = lanes_[i];
      EvalPoint& point = set.points[i];
      take_events(lane.tracker->reset(), lane);
      const std::vector<JudgedEvent> judged = point.events.add_video(happened, lane.said, watched);
      if (&point == &set.dearest_point())
        for (const JudgedEvent& event : judged)
          result_.events.push_back({shown_name(video.path), set.name, event});
      point.predictions += lane.predictions;
      const double share = static_cast<double>(lane.predictions) / static_cast<double>(point.predictions);
      const double count = static_cast<double>(lane.predictions);
      point.realised += share * (lane.realised / count - point.realised);
      point.gmac += share * (lane.gmac / count - point.gmac);
      for (const auto& [truth, answer] : lane.windows) {
        point.windows.add(truth, answer);
        if (truth == background_) point.false_actions.add(answer != background_);
      }
    }
    for (std::size_t e = 0; e < video.events.size(); ++e) answer(video, e, set, seconds);
    if (auto map = maps_.finish()) result_.maps.push_back(std::move(*map));
  }

  void answer(const EvalVideo& video, std::size_t e, EvalSet& set, double seconds) {
    const EvalEvent& event = video.events[e];
    EvalAnswer answer{shown_name(video.path),
                      set.name,
                      event.label,
                      event.truth,
                      event.begin,
                      std::max(event.begin, std::min(event.end, seconds)),
                      {},
                      {}};
    std::vector<int> actions = set.labels;
    std::erase(actions, background_);
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      answer.answers.push_back(-1);
      answer.scores.push_back(0);
      if (lanes_[i].means[e].empty()) continue;
      const std::vector<float> scores = lanes_[i].means[e].scores();
      const auto best = best_scores(scores, kTop);
      answer.answers.back() = best[0];
      answer.scores.back() = scores[best[0]];
      if (event.truth < 0) continue;
      EvalPoint& point = set.points[i];
      point.clips.add(event.truth, best[0]);
      if (event.truth != background_) point.closed.add(best_of(scores, actions) == event.truth);
      point.top5.add(std::find(best.begin(), best.end(), event.truth) != best.end());
    }
    result_.answers.push_back(std::move(answer));
  }

  Engine& engine_;
  const ModelConfig& config_;
  EvalOptions options_;
  std::mt19937 random_;
  Evaluation result_;
  std::vector<Lane> lanes_;
  int routed_ = 0;                     // of the lanes, the first ones
  std::vector<OtherChoices> choices_;  // by budget
  int background_ = -1;
  ExpertMaps maps_;
};

Evaluator::Evaluator(Engine& engine, const EvalManifest& manifest, const EvalOptions& options)
    : impl_(std::make_unique<Impl>(engine, manifest, options)) {}
Evaluator::~Evaluator() = default;
void Evaluator::add(const EvalVideo& video, const std::function<void(double)>& on_progress) {
  impl_->add(video, on_progress);
}
const Evaluation& Evaluator::result() const { return impl_->result(); }

}  // namespace mone
