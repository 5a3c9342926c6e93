#include "elements/label_text.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace mone {
namespace {

using Json = nlohmann::ordered_json;

double seconds(GstClockTime t) { return static_cast<double>(t) / GST_SECOND; }
double six_digits(double x) { return std::round(x * 1e6) / 1e6; }

Json score_list(const std::vector<NamedScore>& scores) {
  Json list = Json::array();
  for (const NamedScore& s : scores) list.push_back({{"label", s.label}, {"score", six_digits(s.score)}});
  return list;
}

Json event_list(const std::vector<ActionEvent>& events) {
  Json list = Json::array();
  for (const ActionEvent& e : events)
    list.push_back({{"event", e.event},
                    {"label", e.label},
                    {"score", six_digits(e.score)},
                    {"start", seconds(e.start)},
                    {"end", seconds(e.end)}});
  return list;
}

std::string percent(double score) { return std::to_string(std::lround(score * 100)) + "%"; }

}  // namespace

std::string json_line(const ActionMeta& a) {
  const ScoresMeta& w = a.window;
  const NamedScore best = a.top.empty() ? NamedScore{} : a.top.front();
  const Box box = w.box_in_frame();
  Json j = {{"stream", a.stream_id},
            {"region", w.region},
            {"box", {{"x", box.x}, {"y", box.y}, {"width", box.width}, {"height", box.height}}},
            {"start", seconds(w.window_start)},
            {"end", seconds(w.window_end)},
            {"label", best.label},
            {"score", six_digits(best.score)},
            {"topk", score_list(a.top)},
            {"active", score_list(a.active)},
            {"events", event_list(a.events)},
            {"budget", six_digits(w.budget)},
            {"realised", six_digits(w.realised)},
            {"hop", w.hop},
            {"missing", w.missing},
            {"fresh", a.fresh},
            {"warming", w.warming},
            {"rate", six_digits(w.rate)},
            {"mixed_rate", w.mixed_rate},
            {"rate_out_of_range", w.rate_out_of_range},
            {"planes", a.model.planes},
            {"crop", a.model.crop},
            {"model", a.model.model},
            {"model_hash", a.model.model_hash}};
  if (w.upstream_id) j["upstream_id"] = *w.upstream_id;
  if (!a.reference.empty())
    j["reference"] = {{"clock", a.reference}, {"start", a.reference_start()}, {"end", a.reference_end}};
  return j.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string plain_text(const ActionMeta& a) {
  if (a.active.empty())
    return a.top.empty() ? "\n" : a.top.front().label + "? " + percent(a.top.front().score) + "\n";
  std::string text;
  for (const NamedScore& s : a.active) text += s.label + " " + percent(s.score) + "\n";
  return text;
}

}  // namespace mone
