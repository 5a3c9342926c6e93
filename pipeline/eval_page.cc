#include "pipeline/eval_page.h"

#include <algorithm>

#include "pipeline/data_uri.h"
#include "pipeline/svg_plot.h"
#include "pipeline/table.h"

namespace mone {
namespace {

constexpr const char* kStyle = R"(<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 76em; padding: 0 1em; color: #222; background: #fff; }
h1 { font-size: 1.5em; } h2 { font-size: 1.25em; margin-top: 2em; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; margin: .8em 0; font-variant-numeric: tabular-nums; }
th, td { padding: .15em .6em; text-align: right; } th { font-weight: 600; border-bottom: 1px solid #999; }
td { white-space: nowrap; } .group td { border-top: 1px solid #ddd; }
td:first-child, th:first-child { text-align: left; }
.plots { display: flex; flex-wrap: wrap; gap: 1em; } .plot { width: 29em; max-width: 100%; font-size: 12px; }
.plot text { fill: #444; } .grid { stroke: #ddd; }
.confusion td { text-align: center; min-width: 1.6em; padding: .1em .3em; } .confusion th { font-weight: 400; border: 0; }
.confusion thead th { writing-mode: vertical-rl; text-align: left; padding: .3em .1em; }
.maps { display: flex; flex-wrap: wrap; gap: 1.2em; } .maps figure { margin: 0; } .maps svg { width: 8.5em; display: block; }
figcaption { font-size: .85em; } .row { display: flex; gap: .3em; } .note { color: #555; font-size: .9em; }
</style>
)";

struct Look {
  Chooser chooser;
  const char* colour;
  bool dashed;
};
constexpr Look kLooks[] = {{Chooser::kRouter, "#1b6ca8", false},
                           {Chooser::kRandom, "#c0392b", true},
                           {Chooser::kShuffled, "#e08e0b", true},
                           {Chooser::kUniform, "#5b8c3a", true}};

/// The curves of a set, over budget or over cost.
std::vector<PlotSeries> curves(const EvalSet& set, bool over_cost) {
  std::vector<PlotSeries> all;
  for (const Look& look : kLooks) {
    std::vector<const EvalPoint*> points;
    for (const EvalPoint& point : set.points)
      if (point.setting.chooser == look.chooser && point.clips.all().of > 0) points.push_back(&point);
    if (points.empty()) continue;
    const auto x = [&](const EvalPoint* p) { return over_cost ? p->gmac : p->realised; };
    std::sort(points.begin(), points.end(), [&](auto* a, auto* b) { return x(a) < x(b); });
    PlotSeries series{to_name(look.chooser), look.colour, {}, {}, {}, {}, look.dashed};
    for (const EvalPoint* point : points) {
      series.x.push_back(x(point));
      series.y.push_back(point->clips.all().value());
      if (look.chooser != Chooser::kRouter) continue;
      series.low.push_back(point->clips.all().interval().low);
      series.high.push_back(point->clips.all().interval().high);
    }
    all.push_back(std::move(series));
  }
  return all;
}

using Cells = std::vector<std::string>;

std::string row(const char* tag, const Cells& cells, const char* style = nullptr) {
  std::string html = style ? std::string("<tr class=\"") + style + "\">" : "<tr>";
  for (const std::string& cell : cells)
    html += std::string("<") + tag + ">" + escaped(cell) + "</" + tag + ">";
  return html + "</tr>\n";
}

std::string budgets_table(const EvalSet& set) {
  std::string html =
      "<table>" + row("th", {"chooser", "budget", "realised", "GMAC", "top-1", "top-5", "closed", "windows",
                             "false actions", "events found", "false alarms an hour"});
  const EvalPoint* above = nullptr;
  for (const EvalPoint& point : set.points) {
    // A chooser is named once, with a line above it.
    const bool first = !above || above->setting.chooser != point.setting.chooser;
    html += row("td",
                {first ? to_name(point.setting.chooser) : "", fixed(point.setting.budget, 3),
                 fixed(point.realised, 3), significant(point.gmac), share_text(point.clips.all()),
                 value_text(point.top5, 2), share_text(point.closed), value_text(point.windows.all(), 3),
                 share_text(point.false_actions), share_text(point.events.recall()),
                 fixed(point.events.false_alarms_per_hour(), 1)},
                first ? "group" : nullptr);
    above = &point;
  }
  return html + "</table>\n";
}

std::string labels_table(const EvalSet& set, const std::vector<std::string>& names) {
  const EvalPoint& point = set.dearest_point();
  std::string html = "<table>" + row("th", {"label", "recall", "precision", "windows", "events found",
                                            "false alarms an hour where it does not occur"});
  for (const int label : set.labels) {
    const EventCounts::Label& events = point.events.label(label);
    html += row("td", {names[label], share_text(point.clips.recall(label)),
                       share_text(point.clips.precision(label)), share_text(point.windows.recall(label)),
                       std::to_string(events.found) + " of " + std::to_string(events.happened),
                       events.seconds_without > 0
                           ? fixed(events.false_alarms_without / (events.seconds_without / 3600), 1)
                           : "-"});
  }
  return html + "</table>\n";
}

std::string confusion_table(const EvalSet& set, const std::vector<std::string>& names) {
  const Confusion& confusion = set.dearest_point().clips;
  std::vector<int> answers;
  for (int answer = 0; answer < confusion.classes(); ++answer)
    for (const int truth : set.labels)
      if (confusion.at(truth, answer) || truth == answer) {
        answers.push_back(answer);
        break;
      }
  std::string html = "<table class=\"confusion\"><thead><tr><th></th>";
  for (const int answer : answers) html += "<th>" + escaped(names[answer]) + "</th>";
  html += "</tr></thead>\n";
  for (const int truth : set.labels) {
    const int of = std::max(confusion.recall(truth).of, 1);
    html += "<tr><th>" + escaped(names[truth]) + "</th>";
    for (const int answer : answers) {
      const int count = confusion.at(truth, answer);
      const char* hue = truth == answer ? "27,108,168" : "192,57,43";
      html += "<td style=\"background:rgba(" + std::string(hue) + "," + fixed(0.75 * count / of, 2) + ")\">" +
              (count ? std::to_string(count) : "") + "</td>";
    }
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

/// What there is to look at: events that nobody said, and those said where there were none.
std::string events_list(const EvalSet& set, const Evaluation& evaluation,
                        const std::vector<std::string>& names) {
  using Verdict = JudgedEvent::Verdict;
  std::string rows;
  int missed = 0, alarms = 0;
  for (const auto& [path, of, judged] : evaluation.events) {
    const bool miss = judged.verdict == Verdict::kMissed, alarm = judged.verdict == Verdict::kFalseAlarm;
    if (of != set.name || !(miss || alarm)) continue;
    ++(miss ? missed : alarms);
    rows += row(
        "td", {path, miss ? "missed" : "false alarm", names[judged.event.label], fixed(judged.event.begin, 1),
               fixed(judged.event.end, 1), miss ? "-" : fixed(judged.event.score, 2)});
  }
  if (rows.empty()) return "";
  return "<details><summary>" + counted(missed, "event", "events") + " missed and " +
         counted(alarms, "false alarm", "false alarms") + ", at the largest budget</summary>\n<table>" +
         row("th", {"video", "", "label", "from, s", "to, s", "highest score"}) + rows +
         "</table></details>\n";
}

/// The picture with a square over each token, the darker the smaller its expert.
std::string map_svg(const std::string& uri, const std::vector<std::uint8_t>& experts, const ModelConfig& c) {
  const std::string width = std::to_string(c.image_width), height = std::to_string(c.image_height);
  std::string svg = "<svg viewBox=\"0 0 " + width + " " + height + "\"><image href=\"" + uri + "\" width=\"" +
                    width + "\" height=\"" + height + "\"/>";
  for (int token = 0; token < static_cast<int>(experts.size()); ++token) {
    const double share = static_cast<double>(c.E - 1 - experts[token]) / std::max(c.E - 1, 1);
    svg += "<rect x=\"" + std::to_string(token % c.nw() * c.pw) + "\" y=\"" +
           std::to_string(token / c.nw() * c.ph) + "\" width=\"" + std::to_string(c.pw) + "\" height=\"" +
           std::to_string(c.ph) + "\" fill=\"#000\" opacity=\"" + fixed(0.72 * share, 2) + "\"/>";
  }
  return svg + "</svg>";
}

/// What a person can look at: the luma plane where planes are luma and motion.
std::vector<std::uint8_t> visible(const ExpertMap& map, const ModelConfig& c) {
  std::vector<std::uint8_t> pixels = map.pixels;
  if (c.planes == Planes::kRgb) return pixels;
  for (std::size_t i = 0; i < pixels.size(); i += 3) pixels[i + 1] = pixels[i + 2] = pixels[i];
  return pixels;
}

std::string maps_section(const Evaluation& evaluation, const ModelConfig& c) {
  if (evaluation.maps.empty()) return "";
  std::string html =
      "<h2>Where the router looks</h2>\n<p class=\"note\">Pictures as the model sees them. A token without a "
      "veil runs at full width; the darker, the smaller its nested expert.</p>\n<div class=\"maps\">\n";
  for (const ExpertMap& map : evaluation.maps) {
    const std::string uri = bmp_uri(visible(map, c), c.image_width, c.image_height);
    html +=
        "<figure><div class=\"row\"><div>" + map_svg(uri, {}, c) + "<figcaption>picture</figcaption></div>";
    int shown = 0;
    for (const auto& [budget, experts] : map.experts) {
      if (budget >= 1 || shown == 3) continue;
      html += "<div>" + map_svg(uri, experts, c) + "<figcaption>" + fixed(budget, 2) + "</figcaption></div>";
      ++shown;
    }
    html += "</div><figcaption>" + escaped(map.label) + ", at " + fixed(map.time, 1) +
            " s</figcaption></figure>\n";
  }
  return html + "</div>\n";
}

std::string heading(const EvalSubject& subject) {
  const ModelConfig& c = subject.model.config();
  std::string html = "<h1>" + escaped(subject.model.name()) + "</h1>\n<p>" + escaped(subject.model.path()) +
                     ", SHA-256 <code>" + subject.model.hash().substr(0, 16) + "</code>, " +
                     std::to_string(c.C) + " labels, " + subject.backend + " " + subject.dtype + ".</p>\n";
  html +=
      "<p class=\"note\">Top-1: a clip's mean over its windows, all labels of the model to choose from; "
      "<i>closed</i>: clips of actions only, and to choose from only the actions of the set; <i>false "
      "actions</i>: windows of " +
      escaped(subject.options.background) +
      " that are called an action. Bands and brackets are 95 % intervals after Wilson. Controls "
      "give every "
      "expert as many tokens as the router does: <i>random</i> by chance, <i>shuffled</i> by the router's "
      "choice "
      "for another tubelet; <i>uniform</i> is one nested model for every token. GMAC is the mean for one "
      "prediction. Events are those of monelabel with smoothing " +
      fixed(subject.options.policy.smoothing, 2) + ", on " + fixed(subject.options.policy.on, 2) + ", off " +
      fixed(subject.options.policy.off, 2) + "; " + escaped(subject.options.background) + " is none.</p>\n";
  return html;
}

std::string set_section(const EvalSet& set, const Evaluation& evaluation,
                        const std::vector<std::string>& names) {
  std::string html = "<h2>" + escaped(set.name) + "</h2>\n<p>" + what_there_was(set) + ".</p>\n";
  if (set.labels.empty()) return html + budgets_table(set) + events_list(set, evaluation, names);
  html += "<div class=\"plots\">" +
          line_plot("budget (mean share of the width)", "top-1", curves(set, false)) +
          line_plot("GMAC per prediction", "top-1", curves(set, true)) + "</div>\n";
  return html + budgets_table(set) + "<h3>By label, at the largest budget</h3>\n" + labels_table(set, names) +
         "<p class=\"note\">Rows: what happened; columns: what it was called.</p>\n" +
         confusion_table(set, names) + events_list(set, evaluation, names);
}

}  // namespace

std::string eval_page(const Evaluation& evaluation, const EvalSubject& subject) {
  std::string html = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" +
                     escaped(subject.model.name()) + "</title>\n" + kStyle + "</head><body>\n" +
                     heading(subject);
  for (const EvalSet& set : evaluation.sets)
    html += set_section(set, evaluation, subject.model.config().labels);
  if (!subject.out_of_vocabulary.empty()) {
    html += "<p class=\"note\">Not in the model's vocabulary, and in no share:";
    for (const auto& [label, rows] : subject.out_of_vocabulary)
      html += " " + escaped("'" + label + "'") + " (" + std::to_string(rows) + ")";
    html += "</p>\n";
  }
  return html + maps_section(evaluation, subject.model.config()) + "</body></html>\n";
}

}  // namespace mone
