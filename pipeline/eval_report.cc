#include "pipeline/eval_report.h"

#include <algorithm>
#include <ostream>

#include "pipeline/open_engine.h"
#include "pipeline/table.h"

namespace mone {
namespace {

void print_curve(std::ostream& out, const EvalSet& set, const EvalSubject& subject) {
  std::vector<Table::Column> columns = {{"budget", Align::kRight},
                                        {"realised", Align::kRight},
                                        {"gmac", Align::kRight},
                                        {"top-1"},
                                        {"top-5"},
                                        {"closed"},
                                        {"windows"},
                                        {"false actions"}};
  std::vector<Chooser> controls;
  for (const Chooser control : subject.options.controls) {
    const auto is = [&](const EvalPoint& point) { return point.setting.chooser == control; };
    if (std::none_of(set.points.begin(), set.points.end(), is) || control == Chooser::kUniform) continue;
    columns.push_back({to_name(control)});
    controls.push_back(control);
  }
  Table table(columns);
  for (const EvalPoint& point : set.points) {
    if (point.setting.chooser != Chooser::kRouter) continue;
    std::vector<std::string> row = {
        fixed(point.setting.budget, 3),     fixed(point.realised, 3),       significant(point.gmac),
        share_text(point.clips.all()),      value_text(point.top5, 2),      share_text(point.closed),
        value_text(point.windows.all(), 3), share_text(point.false_actions)};
    for (const Chooser control : controls) {
      const EvalPoint* other = point_at(set, control, point.setting.budget);
      row.push_back(other ? value_text(other->clips.all(), 2) : "");
    }
    table.add(row);
  }
  table.print(out, "  ");
  std::string uniform;
  for (const EvalPoint& point : set.points)
    if (point.setting.chooser == Chooser::kUniform)
      uniform += (uniform.empty() ? "" : ", ") + fixed(point.setting.budget, 4) + ": " +
                 value_text(point.clips.all(), 2);
  if (!uniform.empty())
    out << "  one nested model for every token, by its share of the width: " << uniform << '\n';
}

void print_labels(std::ostream& out, const EvalSet& set, const std::vector<std::string>& names) {
  const EvalPoint& point = set.dearest_point();
  Table table({{"label"}, {"recall"}, {"precision"}, {"most taken for"}});
  for (const int label : set.labels) {
    const int other = point.clips.most_taken_for(label);
    table.add({names[label], share_text(point.clips.recall(label)), share_text(point.clips.precision(label)),
               other < 0 ? "" : names[other] + " (" + std::to_string(point.clips.at(label, other)) + ")"});
  }
  table.print(out, "  ");
}

void print_events(std::ostream& out, const EvalSet& set, const std::vector<std::string>& names) {
  const EventCounts& events = set.dearest_point().events;
  out << "  events: ";
  if (events.recall().of > 0)
    out << "found " << events.recall().right << " of " << events.recall().of << ", recall "
        << share_text(events.recall()) << ", precision " << share_text(events.precision()) << ", ";
  else
    out << (set.labels.empty() ? "none that the model has a name for, " : "none to find, ");
  out << events.false_alarms() << " false alarms in " << fixed(events.hours() * 60, 1) << " min ("
      << fixed(events.false_alarms_per_hour(), 1) << " an hour)\n";
  std::string alarms;
  for (int label = 0; label < events.classes(); ++label) {
    const EventCounts::Label& l = events.label(label);
    if (l.false_alarms_without == 0) continue;
    alarms += (alarms.empty() ? "" : ", ") + names[label] + " " +
              fixed(l.false_alarms_without / (l.seconds_without / 3600), 1);
  }
  if (!alarms.empty()) out << "  false alarms an hour where the label does not occur: " << alarms << '\n';
}

Json share_json(const Share& share) {
  const Interval interval = share.interval();
  return {{"right", share.right},
          {"of", share.of},
          {"share", share.value()},
          {"wilson95", {interval.low, interval.high}}};
}

Json labels_json(const EvalPoint& point, const EvalSet& set, const std::vector<std::string>& names) {
  Json labels = Json::object();
  for (const int label : set.labels) {
    Json answers = Json::object();
    for (int answer = 0; answer < point.clips.classes(); ++answer)
      if (point.clips.at(label, answer)) answers[names[answer]] = point.clips.at(label, answer);
    labels[names[label]] = {{"recall", share_json(point.clips.recall(label))},
                            {"precision", share_json(point.clips.precision(label))},
                            {"windows", share_json(point.windows.recall(label))},
                            {"answers", answers}};
  }
  return labels;
}

Json events_json(const EventCounts& events, const std::vector<std::string>& names) {
  Json labels = Json::object();
  for (int i = 0; i < events.classes(); ++i) {
    const EventCounts::Label& l = events.label(i);
    if (!l.happened && !l.false_alarms) continue;
    labels[names[i]] = {{"happened", l.happened},
                        {"found", l.found},
                        {"false_alarms", l.false_alarms},
                        {"doubles", l.doubles},
                        {"hours_without", l.seconds_without / 3600},
                        {"false_alarms_without", l.false_alarms_without}};
  }
  return {{"recall", share_json(events.recall())},
          {"precision", share_json(events.precision())},
          {"false_alarms", events.false_alarms()},
          {"hours", events.hours()},
          {"false_alarms_per_hour", events.false_alarms_per_hour()},
          {"labels", labels}};
}

Json point_json(const EvalPoint& point, const EvalSet& set, const std::vector<std::string>& names) {
  return {{"chooser", to_name(point.setting.chooser)},
          {"budget", point.setting.budget},
          {"realised", point.realised},
          {"gmac", point.gmac},
          {"top1", share_json(point.clips.all())},
          {"top5", share_json(point.top5)},
          {"closed", share_json(point.closed)},
          {"windows", share_json(point.windows.all())},
          {"false_actions",
           {{"windows", point.false_actions.of},
            {"called_an_action", point.false_actions.right},
            {"share", point.false_actions.value()},
            {"wilson95", {point.false_actions.interval().low, point.false_actions.interval().high}}}},
          {"labels", labels_json(point, set, names)},
          {"events", events_json(point.events, names)}};
}

Json answers_json(const Evaluation& evaluation, const std::vector<std::string>& names) {
  Json rows = Json::array();
  for (const EvalAnswer& answer : evaluation.answers) {
    Json called = Json::array();
    for (std::size_t i = 0; i < answer.answers.size(); ++i) {
      if (evaluation.settings[i].chooser != Chooser::kRouter) continue;
      if (answer.answers[i] < 0)
        called.push_back(nullptr);
      else
        called.push_back({{"budget", evaluation.settings[i].budget},
                          {"label", names[answer.answers[i]]},
                          {"score", answer.scores[i]}});
    }
    rows.push_back({{"path", answer.path},
                    {"set", answer.set},
                    {"label", answer.label},
                    {"truth", answer.truth < 0 ? Json(nullptr) : Json(names[answer.truth])},
                    {"begin", answer.begin},
                    {"end", answer.end},
                    {"called", called}});
  }
  return rows;
}

Json seen_json(const Evaluation& evaluation, const std::vector<std::string>& names) {
  Json rows = Json::array();
  for (const auto& [path, set, judged] : evaluation.events) {
    Json row = {{"path", path},
                {"set", set},
                {"label", names[judged.event.label]},
                {"begin", judged.event.begin},
                {"end", judged.event.end},
                {"verdict", to_name(judged.verdict)}};
    if (judged.verdict != JudgedEvent::Verdict::kMissed) row["score"] = judged.event.score;
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

std::string share_text(const Share& share) {
  if (share.of == 0) return "-";
  const Interval interval = share.interval();
  return fixed(share.value(), 2) + " [" + fixed(interval.low, 2) + ", " + fixed(interval.high, 2) + "]";
}

std::string value_text(const Share& share, int digits) {
  return share.of == 0 ? "-" : fixed(share.value(), digits);
}

const EvalPoint* point_at(const EvalSet& set, Chooser chooser, double budget) {
  for (const EvalPoint& point : set.points)
    if (point.setting.chooser == chooser && point.setting.budget == budget) return &point;
  return nullptr;
}

std::string what_there_was(const EvalSet& set) {
  const int clips = set.dearest_point().clips.all().of;
  return counted(set.videos - set.failed, "video", "videos") + ", " + clock_text(set.seconds) + ", " +
         (set.trimmed ? counted(clips, "clip", "clips") : counted(clips, "event", "events")) + " of " +
         counted(std::ssize(set.labels), "label", "labels");
}

void print_tables(std::ostream& out, const Evaluation& evaluation, const EvalSubject& subject) {
  const auto& names = subject.model.config().labels;
  out << subject.model.name() << ", " << subject.backend << ", " << subject.dtype
      << "; 95 % intervals after Wilson\n";
  for (const EvalSet& set : evaluation.sets) {
    out << '\n' << set.name << ": " << what_there_was(set) << '\n';
    print_curve(out, set, subject);
    if (set.labels.empty()) {
      print_events(out, set, names);
      continue;
    }
    out << "\n  by label, at budget " << fixed(set.dearest_point().setting.budget, 2) << '\n';
    print_labels(out, set, names);
    print_events(out, set, names);
  }
  if (!subject.out_of_vocabulary.empty()) {
    out << "\nnot in the model's vocabulary, and in no share:";
    std::string list;
    for (const auto& [label, rows] : subject.out_of_vocabulary)
      list += (list.empty() ? " '" : ", '") + label + "' (" + std::to_string(rows) + ")";
    out << list << '\n';
  }
  out << std::flush;
}

Json eval_json(const Evaluation& evaluation, const EvalSubject& subject) {
  const auto& names = subject.model.config().labels;
  Json sets = Json::array();
  for (const EvalSet& set : evaluation.sets) {
    Json points = Json::array(), labels = Json::array();
    for (const EvalPoint& point : set.points) points.push_back(point_json(point, set, names));
    for (const int label : set.labels) labels.push_back(names[label]);
    sets.push_back({{"set", set.name},
                    {"videos", set.videos},
                    {"failed", set.failed},
                    {"seconds", set.seconds},
                    {"labels", labels},
                    {"points", points}});
  }
  return {{"model",
           {{"name", subject.model.name()}, {"path", subject.model.path()}, {"hash", subject.model.hash()}}},
          {"backend", subject.backend},
          {"dtype", subject.dtype},
          {"seed", subject.options.seed},
          {"policy",
           {{"smoothing", subject.options.policy.smoothing},
            {"on", subject.options.policy.on},
            {"off", subject.options.policy.off}}},
          {"background", subject.options.background},
          {"merges", subject.merges},
          {"out_of_vocabulary", subject.out_of_vocabulary},
          {"sets", sets},
          {"answers", answers_json(evaluation, names)},
          {"events", seen_json(evaluation, names)},
          {"failures", evaluation.failures},
          {"warnings", evaluation.warnings}};
}

}  // namespace mone
