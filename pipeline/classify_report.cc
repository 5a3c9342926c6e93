#include "pipeline/classify_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <ostream>

#include "pipeline/json_line.h"
#include "pipeline/table.h"

namespace mone {
namespace {

class JsonReport : public ReportWriter {
 public:
  JsonReport(std::ostream& out, const std::vector<std::string>& labels, int top_k)
      : out_(out), labels_(labels), top_k_(top_k) {}

  void begin(const std::string& file) override { file_ = file; }

  void window(const WindowReport& report) override {
    const auto best = best_scores(report.scores, std::max(top_k_, 1));
    Json topk = Json::array();
    for (const int label : best) topk.push_back({{"label", labels_[label]}, {"score", report.scores[label]}});
    write_line(out_, {{"file", file_},
                      {"start", report.start},
                      {"end", report.end},
                      {"label", labels_[best[0]]},
                      {"score", report.scores[best[0]]},
                      {"topk", topk},
                      {"budget", report.budget},
                      {"realised", report.realised},
                      {"warming", report.warming}});
  }

  void end(const FileReport& report) override {
    const int best = best_scores(report.scores, 1)[0];
    write_line(out_, {{"file", file_},
                      {"summary",
                       {{"label", labels_[best]},
                        {"score", report.scores[best]},
                        {"predictions", report.predictions},
                        {"seconds", report.seconds},
                        {"frames", report.frames}}}});
  }

 private:
  std::ostream& out_;
  const std::vector<std::string>& labels_;
  int top_k_;
  std::string file_;
};

class TableReport : public ReportWriter {
 public:
  TableReport(std::ostream& out, const std::vector<std::string>& labels, int top_k)
      : out_(out), labels_(labels), top_k_(top_k) {}

  void begin(const std::string& file) override {
    file_ = file;
    runs_.clear();
  }

  void window(const WindowReport& report) override {
    const int best = best_scores(report.scores, 1)[0];
    if (runs_.empty() || runs_.back().label != best || runs_.back().warming != report.warming) {
      runs_.push_back({best, report.start, report.end, 0, 0, report.warming});
    }
    Run& run = runs_.back();
    run.end = report.end;
    run.score_sum += report.scores[best];
    ++run.windows;
  }

  void end(const FileReport& report) override {
    const auto best = best_scores(report.scores, std::max(top_k_, 1));
    out_ << file_ << ": " << scored(report.scores, best[0]);
    for (std::size_t i = 1; i < best.size(); ++i)
      out_ << (i == 1 ? ", then " : ", ") << scored(report.scores, best[i]);
    out_ << "  (" << report.predictions << (report.predictions == 1 ? " prediction, " : " predictions, ")
         << fixed(report.seconds, 1) << " s, " << report.frames << " frames)\n";
    Table table({{"from", Align::kRight},
                 {"to", Align::kRight},
                 {"label"},
                 {"score", Align::kRight},
                 {"predictions", Align::kRight},
                 {""}});
    for (const Run& run : runs_) {
      table.add({fixed(run.start, 2), fixed(run.end, 2), labels_[run.label],
                 fixed(run.score_sum / run.windows, 2), std::to_string(run.windows),
                 run.warming ? "warming up" : ""});
    }
    table.print(out_, "  ");
    out_ << std::flush;
  }

 private:
  struct Run {
    int label;
    double start, end, score_sum;
    int windows;
    bool warming;
  };
  std::string scored(const std::vector<float>& scores, int label) const {
    return labels_[label] + " " + fixed(scores[label], 2);
  }

  std::ostream& out_;
  const std::vector<std::string>& labels_;
  int top_k_;
  std::string file_;
  std::vector<Run> runs_;
};

}  // namespace

std::unique_ptr<ReportWriter> json_report(std::ostream& out, const std::vector<std::string>& labels,
                                          int top_k) {
  return std::make_unique<JsonReport>(out, labels, top_k);
}

std::unique_ptr<ReportWriter> table_report(std::ostream& out, const std::vector<std::string>& labels,
                                           int top_k) {
  return std::make_unique<TableReport>(out, labels, top_k);
}

std::vector<int> best_scores(const std::vector<float>& scores, int count) {
  std::vector<int> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto kept = order.begin() + std::min<std::ptrdiff_t>(count, std::ssize(order));
  std::partial_sort(order.begin(), kept, order.end(),
                    [&](int a, int b) { return scores[a] > scores[b] || (scores[a] == scores[b] && a < b); });
  order.erase(kept, order.end());
  return order;
}

}  // namespace mone
