#include "engine/budget/cost_model.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/error.h"

namespace mone {
namespace {

constexpr double kGain = 1.0 / 16;  // of a correction by one call, once it is one of many ...
constexpr double kMemory = .5;      // ... and for short calls so that this many seconds of them count
constexpr double kSmallestGain = 1.0 / 128;  // ... or so many of them
constexpr double kFirstSpread = .05;         // scatter of a quiet machine, before any call
constexpr double kSmallestSpread = .01;      // timers and caches never agree better
constexpr double kSpreadGain = 1.0 / 32;
constexpr double kOutlier = 3;             // spreads from which on a call counts no more than this
constexpr double kJump = 3.5;              // spreads that slow calls must differ by ...
constexpr double kSmallestJump = .08;      // ... and at least so much, to be believed at once, ...
constexpr double kJumpTime = .05;          // ... two in a row and so many seconds: less is a neighbour's turn
constexpr double kTailMemory = 4;          // seconds of calls whose mean is compared with what was expected
constexpr double kLongestTail = 5;         // times the expected cost that one call may add to that mean
constexpr double kLevelGain = 1.0 / 64;    // a level's own error is learnt over hundreds of calls
constexpr double kLargestLevelError = .4;  // beyond that it is the machine, not the table
constexpr double kSmallestSlope = .02;     // a further tubelet costs at least this share of the first
constexpr double kLargestReadOut = .999;   // share of a tubelet's cost that a prediction can be

constexpr double kAllOfIt = .9;  // of a tubelet's cost: a prediction that takes more is all there is to do

void check(double seconds, const char* what, int level) {
  if (std::isfinite(seconds) && seconds > 0) return;
  throw ConfigError(std::string("cost of ") + what + " at level " + std::to_string(level) + " is " +
                    std::to_string(seconds) + " seconds; measure it again");
}

}  // namespace

CostModel::CostModel(const CostTable& table)
    : table_(table),
      ladder_(table.experts),
      spread_(kFirstSpread),
      taken_(kTailMemory),
      expected_(kTailMemory) {
  if (table.max_batch < 1)
    throw ConfigError("a largest batch of " + std::to_string(table.max_batch) + "; it is at least 1");
  if (!(std::isfinite(table.read_out) && table.read_out >= 0)) check(table.read_out, "the read-out", 0);
  for (int l = 0; l < ladder_.size(); ++l) {
    check(table.single[l], "a tubelet", l);
    check(table.batch[l], "a full batch", l);
    const int below = std::max(l - 1, 0);
    table_.single[l] = std::max(table_.single[l], table_.single[below]);
    const double least = table_.single[l] * (1 + kSmallestSlope * (table.max_batch - 1));
    table_.batch[l] = std::max({table_.batch[l], table_.batch[below], least});
  }
  for (int l = 0; l < ladder_.size(); ++l)
    read_out_[l] =
        table_.read_out >= kAllOfIt * table_.single[0]
            ? kLargestReadOut  // measured at the lowest level; of a joint model it is all of every level
            : std::min(table_.read_out / table_.single[l], kLargestReadOut);
  rebuild();
}

/// The table as it is now; costs still rise with the level.
void CostModel::rebuild() {
  scale_ = std::exp(log_scale_);
  for (int l = 0; l < ladder_.size(); ++l) {
    const double factor = scale_ * std::exp(level_[l]);
    const int below = std::max(l - 1, 0);
    const double slope = table_.max_batch == 1
                             ? table_.single[l]
                             : (table_.batch[l] - table_.single[l]) / (table_.max_batch - 1);
    single_[l] = std::max(factor * table_.single[l], l ? single_[below] : 0);
    slope_[l] = std::max(factor * slope, l ? slope_[below] : 0);
  }
}

double CostModel::at(std::span<const double> costs, double budget) const {
  const int low = ladder_.at_most(budget);
  if (low + 1 >= ladder_.size() || budget <= ladder_.budget(low)) return costs[low];
  const double share = (budget - ladder_.budget(low)) / (ladder_.budget(low + 1) - ladder_.budget(low));
  return costs[low] + share * (costs[low + 1] - costs[low]);
}

double CostModel::seconds(double budget, double batch) const {
  return at(single_, budget) + (std::max(batch, 1.0) - 1) * at(slope_, budget);
}

double CostModel::per_tubelet(double budget, double batch, bool predict) const {
  const double n = std::max(batch, 1.0);
  const double cost = seconds(budget, n) / n;
  return predict ? cost : cost * (1 - at(read_out_, budget));
}

/// How many of them are work: a joint model's tubelets without a prediction take no time.
int CostModel::working(std::span<const CostItem> items) const {
  return static_cast<int>(std::count_if(items.begin(), items.end(), [this](const CostItem& item) {
    return item.predict || at(read_out_, item.budget) < kAllOfIt;
  }));
}

double CostModel::seconds(std::span<const CostItem> items) const {
  const int batch = working(items);
  double sum = 0;
  for (const CostItem& item : items) sum += per_tubelet(item.budget, batch, item.predict);
  return sum;
}

void CostModel::observe(std::span<const CostItem> items, double taken) {
  if (working(items) == 0 || !(taken > 0) || !std::isfinite(taken)) return;  // says nothing of the machine
  const double expected = seconds(items);
  if (!(expected > 0)) return;
  const double error = std::log(taken / expected);
  correct(error, taken);
  correct_level(items, error);
  add_to_mean(taken, expected);
  ++observations_;
  rebuild();
}

/// Moves the machine's factor. `error` is against what was expected, the factor included.
void CostModel::correct(double error, double taken) {
  const int size = static_cast<int>(recent_.size());
  const double now = log_scale_ + error, before = recent_count_ ? recent_[recent_count_ - 1] : now;
  if (recent_count_ == size) {
    std::move(recent_.begin() + 1, recent_.end(), recent_.begin());
    --recent_count_;
  }
  recent_[recent_count_++] = now;

  const double jump = std::max(kJump * spread_, kSmallestJump);
  if (error > jump) {
    slow_least_ = slow_calls_ ? std::min(slow_least_, now) : now;
    slow_time_ = (slow_calls_++ ? slow_time_ : 0) + std::min(taken, kLongestTail * taken / std::exp(error));
  } else {
    slow_calls_ = 0;
  }
  const std::span recent = std::span(recent_).first(recent_count_);
  const double all = recent_count_ < size ? HUGE_VAL : *std::max_element(recent.begin(), recent.end());
  if (slow_calls_ >= 2 && slow_time_ >= kJumpTime) {  // slower, again and again: too late to wait for more
    log_scale_ = slow_least_;
    slow_calls_ = 0;
  } else if (all < log_scale_ - jump) {  // faster, every time
    log_scale_ = all;
  } else {
    const double gain =
        std::max(std::clamp(taken / kMemory, kSmallestGain, kGain), 1.0 / (observations_ + 2.0));
    const double most = std::max(kOutlier * spread_, kSmallestJump);
    log_scale_ += gain * std::clamp(error, -most, most);
  }
  // From call to call, so that a drift is not taken for scatter.
  const double scatter = std::min(std::abs(now - before) / std::sqrt(2), 4 * spread_);
  spread_ = std::max(spread_ + kSpreadGain * (scatter - spread_), kSmallestSpread);
}

/// The factor is near the median; where a few calls take very long, time goes that it does not see.
void CostModel::add_to_mean(double taken, double expected) {
  const double keep = std::exp(-expected / kTailMemory);
  taken_ = keep * taken_ + std::min(taken, kLongestTail * expected);
  expected_ = keep * expected_ + expected;
  overrun_ = std::max(1.0, taken_ / expected_);
}

/// Calls at one level alone tell how far the table is off there, against the calls before, at other levels.
void CostModel::correct_level(std::span<const CostItem> items, double error) {
  const double lag = lag_;  // of the machine's factor behind the calls, whatever their level
  lag_ += kGain * (std::clamp(error, -2 * spread_, 2 * spread_) - lag_);
  const double budget = items[0].budget;
  for (const CostItem& item : items)
    if (item.budget != budget || !item.predict) return;
  double& level = level_[ladder_.at_most(budget)];
  const double step = kLevelGain * std::clamp(error - lag, -2 * spread_, 2 * spread_);
  level = std::clamp(level + step, -kLargestLevelError, kLargestLevelError);
}

}  // namespace mone
