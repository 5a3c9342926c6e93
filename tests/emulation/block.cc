#include "tests/emulation/block.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/backend/cuda/device_code.h"
#include "tests/emulation/fiber.h"

namespace mone::emulation {
namespace {

constexpr int kLanes = 32, kGroup = 4 * kLanes;

/// A barrier: who comes last lets the others go.
struct Barrier {
  int arrived = 0;
  unsigned turn = 0;
};

struct Copy {
  void* to;
  const void* from;
  bool valid;
};

/// A product of a group of four warps that was started: this thread's sums, and where the operands lie.
struct GroupWork {
  float* sums;
  std::uint64_t a, b;
  float (*number)(std::uint16_t bits);
};

struct Thread {
  Fiber fiber;
  int index = 0;
  std::deque<std::vector<Copy>> groups;  // of copies under way; the last one is open
  const Barrier* waits_for = nullptr;
  unsigned waits_turn = 0;
  // What the warp's other lanes may look at.
  std::uint64_t values[2]{};  // in turn, so that the next one can be written while others read this one
  unsigned turn = 0;
  std::uint32_t* registers = nullptr;
  const void* row = nullptr;
  float* sums = nullptr;
  const std::uint32_t* a = nullptr;
  std::uint32_t b[2]{};
  std::vector<GroupWork> group_work;  // started, not yet waited for
};

class Block {
 public:
  void run(const cuda::Kernel& kernel, const int (&place)[3], std::size_t shared_bytes, const void* argument,
           Order order);

  Thread& self() { return *current_; }
  int place(int axis) const { return place_[axis]; }
  unsigned char* shared() const { return shared_; }
  /// The lanes of the running thread's warp.
  Thread& lane(int lane) { return *threads_[current_->index / kLanes * kLanes + lane]; }
  void meet_block() { meet(barrier_, count_); }
  /// Waits for the warp; `action` is done once, by who comes last.
  template <class Action>
  void meet_warp(Action action) {
    Barrier& barrier = warps_[current_->index / kLanes];
    if (barrier.arrived + 1 == kLanes) action();
    meet(barrier, kLanes);
  }
  void meet_warp() {
    meet_warp([] {});
  }
  /// The threads of the running thread's group of four warps.
  Thread& in_group(int index) { return *threads_[current_->index / kGroup * kGroup + index]; }
  template <class Action>
  void meet_group(Action action) {
    Barrier& barrier = groups_[current_->index / kGroup];
    if (barrier.arrived + 1 == kGroup) action();
    meet(barrier, kGroup);
  }

 private:
  /// Runs each thread of the warp that can go on. @return how many ended, -1 if none could go on
  int run_warp(int first, Order order);
  void meet(Barrier& barrier, int count);

  std::vector<std::unique_ptr<Thread>> threads_;
  std::vector<Barrier> warps_, groups_;
  Barrier barrier_;
  Thread* current_ = nullptr;
  int place_[3]{};
  int count_ = 0;
  const cuda::Kernel* kernel_ = nullptr;
  const void* argument_ = nullptr;
  std::vector<unsigned char> memory_;
  unsigned char* shared_ = nullptr;
};

Block* running = nullptr;  // one block at a time, whichever thread launched it
std::mutex one_at_a_time;

void Block::meet(Barrier& barrier, int count) {
  Thread& me = *current_;
  if (++barrier.arrived == count) {
    barrier.arrived = 0;
    ++barrier.turn;
    return;
  }
  me.waits_for = &barrier;
  me.waits_turn = barrier.turn;
  me.fiber.stop();
}

void Block::run(const cuda::Kernel& kernel, const int (&place)[3], std::size_t shared_bytes,
                const void* argument, Order order) {
  constexpr std::size_t kAlign = 1024;
  kernel_ = &kernel;
  argument_ = argument;
  count_ = kernel.threads;
  std::memcpy(place_, place, sizeof(place_));
  memory_.assign(shared_bytes + kAlign, 0xff);  // NaN in every format
  shared_ = memory_.data() + (kAlign - reinterpret_cast<std::uintptr_t>(memory_.data()) % kAlign) % kAlign;
  while (static_cast<int>(threads_.size()) < count_) threads_.push_back(std::make_unique<Thread>());
  warps_.assign(count_ / kLanes, {});
  groups_.assign(count_ / kGroup, {});
  barrier_ = {};
  for (int i = 0; i < count_; ++i) {
    Thread& thread = *threads_[i];
    thread.index = i;
    thread.groups.assign(1, {});
    thread.waits_for = nullptr;
    thread.group_work.clear();
    thread.fiber.start(
        [](void* block) {
          auto* self = static_cast<Block*>(block);
          self->kernel_->run_thread(self->argument_);
        },
        this);
  }
  running = this;
  int left = count_;
  while (left) {
    bool moved = false;
    for (int i = 0; i < count_; i += kLanes) {
      const int warp = order == Order::kForward ? i : count_ - kLanes - i;
      for (int ended = run_warp(warp, order); ended >= 0; ended = run_warp(warp, order)) {
        moved = true;
        left -= ended;
      }
    }
    if (!moved) {
      running = nullptr;
      throw std::logic_error(std::string(kernel.name) + ": threads wait for each other for ever");
    }
  }
  running = nullptr;
}

int Block::run_warp(int first, Order order) {
  int ended = 0;
  bool moved = false;
  for (int i = 0; i < kLanes; ++i) {
    Thread& thread = *threads_[first + (order == Order::kForward ? i : kLanes - 1 - i)];
    if (thread.fiber.done()) continue;
    if (thread.waits_for && thread.waits_for->turn == thread.waits_turn) continue;
    thread.waits_for = nullptr;
    current_ = &thread;
    thread.fiber.resume();
    moved = true;
    ended += thread.fiber.done();
  }
  return moved ? ended : -1;
}

void finish_copies(Thread& thread, std::size_t pending) {
  // The open group is not one that was committed.
  while (thread.groups.size() - 1 > pending) {
    for (const Copy& copy : thread.groups.front())
      copy.valid ? std::memcpy(copy.to, copy.from, 16) : std::memset(copy.to, 0, 16);
    thread.groups.pop_front();
  }
}

void load(std::uint32_t (&r)[4], const void* row, bool transposed) {
  Block& block = *running;
  block.self().row = row;
  block.self().registers = r;
  block.meet_warp([&] {
    for (int matrix = 0; matrix < 4; ++matrix) {
      std::uint16_t values[8][8];
      for (int i = 0; i < 8; ++i) {
        const void* from = block.lane(matrix * 8 + i).row;
        if (reinterpret_cast<std::uintptr_t>(from) % 16)
          throw std::logic_error("a matrix row that is not aligned");
        std::memcpy(values[i], from, 16);
      }
      for (int lane = 0; lane < kLanes; ++lane) {
        const int i = lane / 4, j = lane % 4 * 2;
        const std::uint16_t low = transposed ? values[j][i] : values[i][j];
        const std::uint16_t high = transposed ? values[j + 1][i] : values[i][j + 1];
        block.lane(lane).registers[matrix] = low | std::uint32_t{high} << 16;
      }
    }
  });
}

template <class T>
float half_of(std::uint32_t bits, int which) {
  return cuda::to_float(T{static_cast<std::uint16_t>(bits >> (16 * which))});
}

template <class T>
void multiply(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  Block& block = *running;
  Thread& me = block.self();
  me.sums = c;
  me.a = a;
  me.b[0] = b0, me.b[1] = b1;
  block.meet_warp([&] {
    float left[16][16], right[16][8];
    for (int lane = 0; lane < kLanes; ++lane) {
      const Thread& of = block.lane(lane);
      for (int part = 0; part < 4; ++part)
        for (int half = 0; half < 2; ++half)
          left[lane / 4 + part % 2 * 8][lane % 4 * 2 + part / 2 * 8 + half] = half_of<T>(of.a[part], half);
      for (int part = 0; part < 2; ++part)
        for (int half = 0; half < 2; ++half)
          right[lane % 4 * 2 + part * 8 + half][lane / 4] = half_of<T>(of.b[part], half);
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      float* sums = block.lane(lane).sums;
      for (int i = 0; i < 4; ++i)
        for (int k = 0; k < 16; ++k)
          sums[i] += left[lane / 4 + i / 2 * 8][k] * right[k][lane % 4 * 2 + i % 2];
    }
  });
}

/// Shows a value to the warp. @return which of a lane's values[] it is
template <class T>
unsigned show(T value) {
  Thread& me = running->self();
  const unsigned turn = me.turn++ % 2;
  me.values[turn] = 0;
  std::memcpy(&me.values[turn], &value, sizeof(T));
  running->meet_warp();
  return turn;
}

template <class T>
T from_lane(T value, int source) {
  const unsigned turn = show(value);
  std::memcpy(&value, &running->lane(source % kLanes).values[turn], sizeof(T));
  return value;
}

/// What five shuffles give, in the same order of sums.
template <class T, class Add>
T tree(T value, Add add) {
  const unsigned turn = show(value);
  T all[kLanes];
  for (int lane = 0; lane < kLanes; ++lane)
    std::memcpy(&all[lane], &running->lane(lane).values[turn], sizeof(T));
  for (int mask = kLanes / 2; mask; mask /= 2)
    for (int lane = 0; lane < mask; ++lane) all[lane] = add(all[lane], all[lane + mask]);
  return all[0];
}

}  // namespace

void run_grid(const cuda::Kernel& kernel, cuda::Grid grid, std::size_t shared_bytes, const void* argument,
              Order order) {
  static Block block;
  const std::lock_guard lock(one_at_a_time);
  for (int z = 0; z < grid.z; ++z)
    for (int y = 0; y < grid.y; ++y)
      for (int x = 0; x < grid.x; ++x) block.run(kernel, {x, y, z}, shared_bytes, argument, order);
}

}  // namespace mone::emulation

namespace mone::emulation {
namespace {

/// Number `k` of line `line` that a matrix descriptor (PTX ISA) names.
std::uint16_t operand(std::uint64_t descriptor, int line, int k) {
  if (descriptor >> 62 != 1) throw std::logic_error("a matrix that is not swizzled by 128 bytes");
  const std::uint64_t eight_lines = (descriptor >> 32 & 0x3fff) << 4;
  std::uint64_t address = ((descriptor & 0x3fff) << 4) + line / 8 * eight_lines + line % 8 * 128 + k * 2;
  address ^= (address >> 7 & 7) << 4;
  std::uint16_t bits;
  std::memcpy(&bits, running->shared() + address, 2);
  return bits;
}

/// All that the group has started, in order, now: as late as a device may be.
void finish_group_work() {
  for (std::size_t i = 0; i < running->in_group(0).group_work.size(); ++i) {
    const GroupWork work = running->in_group(0).group_work[i];
    static float left[64][16], right[cuda::kGroupOutputs][16];
    for (int k = 0; k < 16; ++k) {
      for (int row = 0; row < 64; ++row) left[row][k] = work.number(operand(work.a, row, k));
      for (int row = 0; row < cuda::kGroupOutputs; ++row)
        right[row][k] = work.number(operand(work.b, row, k));
    }
    for (int index = 0; index < kGroup; ++index) {
      float* sums = running->in_group(index).group_work.at(i).sums;
      for (int s = 0; s < cuda::kGroupSums; ++s) {
        const int row = index / kLanes * 16 + s / 2 % 2 * 8 + index % kLanes / 4;
        const int output = s / 4 * 8 + index % 4 * 2 + s % 2;
        for (int k = 0; k < 16; ++k) sums[s] += left[row][k] * right[output][k];
      }
    }
  }
  for (int index = 0; index < kGroup; ++index) running->in_group(index).group_work.clear();
}

}  // namespace
}  // namespace mone::emulation

// The device's functions; see device_code.h.
namespace mone::cuda {

using emulation::running;

int thread() { return running->self().index; }
int block_x() { return running->place(0); }
int block_y() { return running->place(1); }
int block_z() { return running->place(2); }
unsigned char* shared_memory() { return running->shared(); }
void sync_block() { running->meet_block(); }
void sync_warp() { running->meet_warp(); }
float shuffle_xor(float value, int mask) { return emulation::from_lane(value, thread() % 32 ^ mask); }
int shuffle_xor(int value, int mask) { return emulation::from_lane(value, thread() % 32 ^ mask); }
float shuffle(float value, int lane) { return emulation::from_lane(value, lane); }
std::uint32_t ballot(bool predicate) {
  const unsigned turn = emulation::show(static_cast<std::uint32_t>(predicate));
  std::uint32_t bits = 0;
  for (int lane = 0; lane < 32; ++lane)
    bits |= static_cast<std::uint32_t>(running->lane(lane).values[turn]) << lane;
  return bits;
}
float warp_sum(float value) {
  return emulation::tree(value, [](float a, float b) { return a + b; });
}
int warp_sum(int value) {
  return emulation::tree(value, [](int a, int b) { return a + b; });
}
float warp_max(float value) {
  return emulation::tree(value, [](float a, float b) { return a > b ? a : b; });
}
int ones(std::uint32_t bits) { return std::popcount(bits); }

void copy_async16(void* to, const void* from, bool valid) {
  if (reinterpret_cast<std::uintptr_t>(to) % 16 || (valid && reinterpret_cast<std::uintptr_t>(from) % 16))
    throw std::logic_error("a copy of 16 bytes that is not aligned");
  running->self().groups.back().push_back({to, from, valid});
}
void copy_async_commit() { running->self().groups.emplace_back(); }
void copy_async_wait_for(int pending) { emulation::finish_copies(running->self(), pending); }

std::uint32_t shared_address(const void* p) {
  return static_cast<std::uint32_t>(static_cast<const unsigned char*>(p) - running->shared());
}
void fence_for_tensor_cores() {}
void group_begin(float (&)[kGroupSums]) {}
void group_multiply_add(Bf16, float (&c)[kGroupSums], std::uint64_t a, std::uint64_t b) {
  running->self().group_work.push_back({c, a, b, [](std::uint16_t bits) { return to_float(Bf16{bits}); }});
}
void group_multiply_add(F16, float (&c)[kGroupSums], std::uint64_t a, std::uint64_t b) {
  running->self().group_work.push_back({c, a, b, [](std::uint16_t bits) { return to_float(F16{bits}); }});
}
void group_commit() {}
void group_wait(float (&)[kGroupSums]) { running->meet_group(emulation::finish_group_work); }

void load_matrices(std::uint32_t (&r)[4], const void* row) { emulation::load(r, row, false); }
void load_matrices_transposed(std::uint32_t (&r)[4], const void* row) { emulation::load(r, row, true); }
void multiply_add(Bf16, float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  emulation::multiply<Bf16>(c, a, b0, b1);
}
void multiply_add(F16, float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  emulation::multiply<F16>(c, a, b0, b1);
}

}  // namespace mone::cuda
