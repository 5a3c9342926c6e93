#include "engine/motion_box.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "engine/samples.h"

namespace mone {
namespace {

constexpr int kCell = kMotionCell;  // stage pixels
constexpr int kFade = 3;            // motion fades by 2^-kFade a step
constexpr int kFewest = 160;        // level sums in a cell below which it does not count
constexpr int kTailPercent = 3;     // of the motion that may lie outside on each side
constexpr int kSmallestOf8 = 3;     // the box is at least this many eighths of the stage
constexpr int kQuietTubelets = 20;  // before the box opens again
constexpr int kSub = 16;            // fractions of a pixel
constexpr int kStepPixels = 4;      // the box that is given out moves by at least this much

}  // namespace

MotionBox::MotionBox(int image_width, int image_height, int stage_width, int stage_height)
    : width_(stage_width),
      height_(stage_height),
      columns_((stage_width + kCell - 1) / kCell),
      rows_((stage_height + kCell - 1) / kCell),
      motion_(static_cast<std::size_t>(columns_) * rows_) {
  const int common = std::gcd(image_width, image_height);
  unit_width_ = image_width / common;
  unit_height_ = image_height / common;
  reset();
}

void MotionBox::reset() {
  std::fill(motion_.begin(), motion_.end(), 0);
  content_ = {0, 0, width_, height_};
  centre_x_ = width_ * kSub / 2;
  centre_y_ = height_ * kSub / 2;
  side_ = height_ * kSub;
  seen_ = quiet_ = 0;
  box_ = {0, 0, width_, height_};
}

void MotionBox::fade(const Box& content) {
  content_ = content;
  for (std::uint32_t& cell : motion_) cell -= cell >> kFade;
}

void MotionBox::add(std::span<const std::uint32_t> cells, const Box& content) {
  fade(content);
  for (std::size_t i = 0; i < motion_.size(); ++i) motion_[i] += cells[i];
}

void MotionBox::add(const std::uint8_t* now, const std::uint8_t* before, const Box& content) {
  fade(content);
  for (int y = content.y; y < content.y + content.height; ++y) {
    const std::uint8_t *a = now + static_cast<std::ptrdiff_t>(y) * width_,
                       *b = before + static_cast<std::ptrdiff_t>(y) * width_;
    std::uint32_t* cells = motion_.data() + static_cast<std::ptrdiff_t>(y / kCell) * columns_;
    for (int c = 0; c < columns_; ++c) {
      const int end = std::min(width_, (c + 1) * kCell);
      std::uint32_t sum = 0;
      for (int x = c * kCell; x < end; ++x) sum += moved(a[x], b[x]);
      cells[c] += sum;
    }
  }
}

/// Around all motion but a small share on each side.
MotionBox::Tight MotionBox::tight() const {
  const int first_row = content_.y / kCell, last_row = (content_.y + content_.height - 1) / kCell;
  const int first_column = content_.x / kCell, last_column = (content_.x + content_.width - 1) / kCell;
  auto& sorted = sorted_;
  sorted.clear();
  for (int r = first_row; r <= last_row; ++r)
    for (int c = first_column; c <= last_column; ++c)
      sorted.push_back(motion_[static_cast<std::size_t>(r) * columns_ + c]);
  if (sorted.empty()) return {0, 0, 0, 0, false};
  const auto middle = sorted.begin() + std::ssize(sorted) / 2;
  std::nth_element(sorted.begin(), middle, sorted.end());
  const std::uint32_t floor = 2 * *middle + kFewest;

  std::vector<std::uint64_t>& sums = sums_;
  sums.assign(static_cast<std::size_t>(rows_) + columns_, 0);
  std::uint64_t total = 0;
  for (int r = first_row; r <= last_row; ++r)
    for (int c = first_column; c <= last_column; ++c) {
      const std::uint32_t cell = motion_[static_cast<std::size_t>(r) * columns_ + c];
      const std::uint64_t weight = cell > floor ? cell - floor : 0;
      sums[static_cast<std::size_t>(r)] += weight;
      sums[static_cast<std::size_t>(rows_ + c)] += weight;
      total += weight;
    }
  if (total == 0) return {0, 0, 0, 0, false};
  const std::uint64_t tail = total * kTailPercent / 100;
  const auto inner = [tail](std::span<const std::uint64_t> line, int* begin, int* end) {
    int a = 0, b = static_cast<int>(line.size()) - 1;
    for (std::uint64_t sum = line[0]; sum <= tail; sum += line[static_cast<std::size_t>(a)]) ++a;
    for (std::uint64_t sum = line[static_cast<std::size_t>(b)]; sum <= tail;
         sum += line[static_cast<std::size_t>(b)])
      --b;
    *begin = a * kCell;
    *end = (b + 1) * kCell;
  };
  Tight t{0, 0, 0, 0, true};
  inner(std::span(sums).first(static_cast<std::size_t>(rows_)), &t.top, &t.bottom);
  inner(std::span(sums).subspan(static_cast<std::size_t>(rows_)), &t.left, &t.right);
  return t;
}

const Box& MotionBox::update() {
  const Tight t = tight();
  if (!t.any) {
    if (++quiet_ > kQuietTubelets) relax();
    settle();
    return box_;
  }
  quiet_ = 0;
  ++seen_;
  // Room for the parts of the body that stand still.
  const int high = std::max(t.bottom - t.top, (t.right - t.left) * unit_height_ / unit_width_);
  steady(t.left, t.top, t.right, t.bottom, high * 3 / 2);
  return box_;
}

const Box& MotionBox::follow(const Box& wanted) {
  ++seen_;
  const int high = std::max(wanted.height, wanted.width * unit_height_ / unit_width_);
  steady(wanted.x, wanted.y, wanted.x + wanted.width, wanted.y + wanted.height, high);
  return box_;
}

/// @param need  height of the box that would do
void MotionBox::steady(int left, int top, int right, int bottom, int need) {
  const std::int64_t smallest = static_cast<std::int64_t>(height_) * kSub * kSmallestOf8 / 8;
  const std::int64_t wanted = std::clamp<std::int64_t>(std::int64_t{need} * kSub, smallest, height_ * kSub);
  if (seen_ == 1) {
    side_ = wanted;
    centre_x_ = (left + right) * kSub / 2;
    centre_y_ = (top + bottom) * kSub / 2;
  } else if (wanted > side_) {
    side_ += (wanted - side_ + 1) / 2;
  } else {  // at first as the mean of what was seen, then slowly
    side_ -= (side_ - wanted) / std::min(16, seen_);
  }
  // As far as it must: what is to be seen keeps a twelfth of the box as margin, or stands in the middle.
  const auto move = [this](std::int64_t& centre, std::int64_t low, std::int64_t high, std::int64_t size) {
    const std::int64_t margin = size / 12, first = high + margin - size / 2, last = low - margin + size / 2;
    const std::int64_t to = first > last ? (low + high) / 2 : std::clamp(centre, first, last);
    centre += seen_ <= 2 ? to - centre : (to - centre) / 2;
  };
  move(centre_x_, left * kSub, right * kSub, side_ * unit_width_ / unit_height_);
  move(centre_y_, top * kSub, bottom * kSub, side_);
  settle();
}

/// Opens towards the whole picture.
void MotionBox::relax() {
  side_ += (height_ * kSub - side_ + 7) / 8;
  centre_x_ += (width_ * kSub / 2 - centre_x_) / 8;
  centre_y_ += (height_ * kSub / 2 - centre_y_) / 8;
  if (side_ >= height_ * kSub * 31 / 32) seen_ = 0;
}

/// The box in whole pixels and units, inside the stage; the one before where that hardly differs.
void MotionBox::settle() {
  const int most = std::min(width_ / unit_width_, height_ / unit_height_);
  const int units = std::clamp(static_cast<int>((side_ / unit_height_ + kSub / 2) / kSub), 1, most);
  Box box{0, 0, units * unit_width_, units * unit_height_};
  const auto place = [](std::int64_t centre, int size, int room) {
    return std::clamp(static_cast<int>(centre / kSub) - size / 2, 0, room - size);
  };
  box.x = place(centre_x_, box.width, width_);
  box.y = place(centre_y_, box.height, height_);
  const bool near = std::abs(box.x - box_.x) < kStepPixels && std::abs(box.y - box_.y) < kStepPixels &&
                    std::abs(box.width - box_.width) < kStepPixels &&
                    std::abs(box.height - box_.height) < kStepPixels;
  if (!near) box_ = box;
}

}  // namespace mone
